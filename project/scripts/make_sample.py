"""Write the sample corpus: true, well-known facts put into sentences by templates, in three disjoint parts.

Run it as ``python scripts/make_sample.py OUT_DIR``. The output is the same, byte for byte, on every run. A line of
``train.jsonl``, ``dev.jsonl`` or ``test.jsonl`` is an object with the sentence's ``text``, its ``entities`` as
``[start, end, label]`` (character offsets, end exclusive) and its ``relations`` as ``[subject, label, object]``
(indices into ``entities``).

A fact line reads ``Person (year of birth): relation Object, Object; relation Object`` or, with one relation for many
subjects, ``relation: Subject > Object, Subject > Object``. A lower-case "the " in front of a name is an article of
the sentence and no part of the name. A template line reads ``sentence | facts``: the variables are
filled with names for which all the facts hold, and each fact whose relation has a label becomes a relation of the
sentence. All other facts only add names between which the sentence states nothing that the corpus annotates.
"""

import json
import random
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

SEED = 20
# Sentences of a part: with relations, from test-only templates, with entities alone, without entities.
SIZES = {"train": (436, 0, 46, 18), "dev": (69, 0, 8, 3), "test": (77, 10, 9, 4)}
MIN_TRIPLES = {"train": 30, "dev": 4, "test": 6}
ENTITY_LABELS = ("PERSON", "ORG", "PLACE", "WORK")
PREFIX_SHARE = 0.12
PREFIXES = (
    "As many people know, ",
    "According to most sources, ",
    "Historians agree that ",
    "In fact, ",
    "Indeed, ",
    "It is well known that ",
    "Experts confirm that ",
    "Interestingly, ",
)

# Relation of a fact: types of subject and object, label in the corpus ("" for none).
RELATIONS = {
    "born_in": ("PERSON", "PLACE", "born_in"),
    "studied_at": ("PERSON", "ORG", "studied_at"),
    "married_to": ("PERSON", "PERSON", "married_to"),
    "founded": ("PERSON", "ORG", "founded"),
    "led": ("PERSON", "ORG", "led"),
    "wrote": ("PERSON", "WORK", "wrote"),
    "scripted": ("PERSON", "WORK", "wrote"),
    "directed": ("PERSON", "WORK", "directed"),
    "painted": ("PERSON", "WORK", "created"),
    "composed": ("PERSON", "WORK", "created"),
    "based_in": ("ORG", "PLACE", "headquartered_in"),
    "capital_of": ("PLACE", "PLACE", "capital_of"),
    "city_in": ("PLACE", "PLACE", "located_in"),
    "located_in": ("PLACE", "PLACE", "located_in"),
    "died_in": ("PERSON", "PLACE", ""),
    "lived_in": ("PERSON", "PLACE", ""),
    "visited": ("PERSON", "PLACE", ""),
    "taught_at": ("PERSON", "ORG", ""),
    "admired": ("PERSON", "PERSON", ""),
    "met": ("PERSON", "PERSON", ""),
    "starred_in": ("PERSON", "WORK", ""),
    "rivals": ("ORG", "ORG", ""),
    "borders": ("PLACE", "PLACE", ""),
    "set_in": ("WORK", "PLACE", ""),
    "hangs_in": ("WORK", "ORG", ""),
    "birth_year": ("PERSON", "YEAR", ""),
    "release_year": ("WORK", "YEAR", ""),
    "start_year": ("ORG", "YEAR", ""),
}
SYMMETRIC = {"married_to", "met", "rivals", "borders"}
# Relations that a fact table's relation brings with it.
IMPLIED = {
    "made": ("directed", "scripted"),
    "ran": ("founded", "led"),
    "city_in": ("city_in", "located_in"),
    "capital_of": ("capital_of", "city_in", "located_in"),
}

FACTS = {
    "train": """
William Shakespeare: born_in Stratford-upon-Avon; wrote Hamlet, Macbeth, King Lear; married_to Anne Hathaway
Jane Austen (1775): born_in Steventon; wrote Pride and Prejudice, Emma, Persuasion; died_in Winchester
Charles Dickens (1812): born_in Portsmouth; wrote Oliver Twist, Great Expectations, Bleak House; visited Boston
Charles Dickens: married_to Catherine Hogarth; met Edgar Allan Poe
Mary Shelley (1797): born_in London; wrote Frankenstein; married_to Percy Bysshe Shelley
Virginia Woolf (1882): born_in London; wrote Mrs Dalloway, To the Lighthouse, Orlando; married_to Leonard Woolf
Virginia Woolf: founded the Hogarth Press
Leonard Woolf: founded the Hogarth Press; studied_at Trinity College
George Orwell (1903): born_in Motihari; studied_at Eton College; wrote Animal Farm, Homage to Catalonia
Agatha Christie: born_in Torquay; wrote Murder on the Orient Express; married_to Max Mallowan; visited Baghdad
J. R. R. Tolkien (1892): born_in Bloemfontein; studied_at Exeter College; wrote The Hobbit, The Lord of the Rings
J. R. R. Tolkien: taught_at the University of Oxford; married_to Edith Bratt
Oscar Wilde (1854): born_in Dublin; studied_at Trinity College Dublin
Oscar Wilde: wrote The Picture of Dorian Gray, Lady Windermere's Fan; died_in Paris; married_to Constance Lloyd
James Joyce (1882): born_in Dublin; studied_at University College Dublin; wrote Ulysses, Dubliners, Finnegans Wake
James Joyce: died_in Zurich; lived_in Trieste; married_to Nora Barnacle; met Marcel Proust
Bram Stoker (1847): born_in Dublin; studied_at Trinity College Dublin; wrote Dracula
Arthur Conan Doyle: born_in Edinburgh; studied_at the University of Edinburgh; wrote A Study in Scarlet, The Lost World
Robert Louis Stevenson (1850): born_in Edinburgh; wrote Treasure Island, Kidnapped; lived_in Samoa
Charlotte Brontë (1816): born_in Thornton; wrote Jane Eyre, Villette
Emily Brontë (1818): born_in Thornton; wrote Wuthering Heights
Leo Tolstoy (1828): born_in Yasnaya Polyana; studied_at Kazan University; wrote War and Peace, Anna Karenina
Fyodor Dostoevsky (1821): born_in Moscow; wrote Crime and Punishment, The Idiot; died_in Saint Petersburg
Anton Chekhov (1860): born_in Taganrog; studied_at Moscow University; wrote The Cherry Orchard, Uncle Vanya
Anton Chekhov: married_to Olga Knipper; died_in Badenweiler
Mikhail Bulgakov (1891): born_in Kyiv; wrote The Master and Margarita, The White Guard; died_in Moscow
Vladimir Nabokov: born_in Saint Petersburg; wrote Lolita, Pale Fire; taught_at Cornell University; died_in Montreux
Victor Hugo (1802): born_in Besançon; wrote Les Misérables; lived_in Guernsey; married_to Adèle Foucher
Gustave Flaubert (1821): born_in Rouen; wrote Madame Bovary, Sentimental Education; visited Tunis
Jules Verne (1828): born_in Nantes; wrote Around the World in Eighty Days, The Mysterious Island; died_in Amiens
Albert Camus (1913): born_in Mondovi; studied_at the University of Algiers; wrote The Stranger, The Plague
Jean-Paul Sartre (1905): born_in Paris; studied_at the École Normale Supérieure; wrote Nausea, No Exit
Simone de Beauvoir (1908): born_in Paris; studied_at the Sorbonne; wrote The Second Sex, The Mandarins
Voltaire (1694): born_in Paris; wrote Candide, Zadig; lived_in Ferney; admired Isaac Newton
Antoine de Saint-Exupéry (1900): born_in Lyon; wrote The Little Prince, Night Flight
Johann Wolfgang von Goethe: born_in Frankfurt; studied_at the University of Strasbourg, Leipzig University; wrote Faust
Johann Wolfgang von Goethe: died_in Weimar; visited Sicily; married_to Christiane Vulpius; met Napoleon Bonaparte
Thomas Mann (1875): born_in Lübeck; wrote Buddenbrooks, The Magic Mountain; married_to Katia Pringsheim
Hermann Hesse (1877): born_in Calw; wrote Siddhartha, Steppenwolf; died_in Montagnola
Franz Kafka (1883): born_in Prague; wrote The Trial, The Castle; admired Gustave Flaubert, Fyodor Dostoevsky
Mark Twain: wrote The Prince and the Pauper; lived_in Hartford; visited Jerusalem; married_to Olivia Langdon
Ernest Hemingway (1899): born_in Oak Park; wrote The Old Man and the Sea, A Farewell to Arms; lived_in Key West
Ernest Hemingway: married_to Martha Gellhorn, Hadley Richardson; died_in Ketchum
F. Scott Fitzgerald: born_in Saint Paul; studied_at Princeton University; wrote The Great Gatsby; married_to Zelda Sayre
Herman Melville (1819): born_in New York City; wrote Moby-Dick, Billy Budd; visited Tahiti
Edgar Allan Poe: born_in Boston; studied_at the University of Virginia; wrote The Raven; died_in Baltimore
Harper Lee (1926): born_in Monroeville; studied_at the University of Alabama; wrote To Kill a Mockingbird
Toni Morrison (1931): born_in Lorain; studied_at Howard University, Cornell University; wrote Beloved, Song of Solomon
Toni Morrison: taught_at Princeton University
John Steinbeck: born_in Salinas; studied_at Stanford University; wrote The Grapes of Wrath, East of Eden
Rachel Carson (1907): born_in Springdale; studied_at Johns Hopkins University; wrote Silent Spring
Rabindranath Tagore: born_in Kolkata; wrote Gitanjali; founded Visva-Bharati University; met Albert Einstein
Chinua Achebe (1930): born_in Ogidi; studied_at the University of Ibadan; wrote Things Fall Apart
Jorge Luis Borges (1899): born_in Buenos Aires; wrote Ficciones, The Aleph; admired Franz Kafka; died_in Geneva
Mario Vargas Llosa: born_in Arequipa; studied_at the National University of San Marcos; wrote The Time of the Hero
Henrik Ibsen (1828): born_in Skien; wrote A Doll's House, Hedda Gabler; lived_in Munich
Orhan Pamuk (1952): born_in Istanbul; studied_at Istanbul University; wrote My Name Is Red
Nikos Kazantzakis (1883): born_in Heraklion; studied_at the University of Athens; wrote Zorba the Greek
Milan Kundera (1929): born_in Brno; wrote The Joke, The Unbearable Lightness of Being; died_in Paris
Isaac Newton: born_in Woolsthorpe; studied_at Trinity College; led the Royal Society; wrote Opticks
Charles Darwin (1809): born_in Shrewsbury; studied_at the University of Edinburgh; wrote On the Origin of Species
Charles Darwin: married_to Emma Wedgwood; visited the Galápagos Islands, Sydney; died_in Downe
Albert Einstein (1879): born_in Ulm; studied_at ETH Zurich; married_to Mileva Marić; taught_at the University of Zurich
Albert Einstein: visited Buenos Aires, Jerusalem; admired Baruch Spinoza, James Clerk Maxwell
Baruch Spinoza (1632): born_in Amsterdam; wrote Ethics
Max Planck: born_in Kiel; studied_at the University of Munich; taught_at the University of Berlin; died_in Göttingen
Werner Heisenberg (1901): born_in Würzburg; studied_at the University of Munich; taught_at Leipzig University
Alan Turing (1912): born_in London; studied_at King's College, Princeton University
Stephen Hawking (1942): born_in Oxford; wrote A Brief History of Time; married_to Jane Wilde
James Clerk Maxwell: born_in Edinburgh; studied_at the University of Edinburgh; led the Cavendish Laboratory
Ernest Rutherford (1871): born_in Brightwater; led the Cavendish Laboratory; taught_at McGill University
Louis Pasteur (1822): born_in Dole; studied_at the École Normale Supérieure; ran the Pasteur Institute
Leonhard Euler (1707): born_in Basel; studied_at the University of Basel; died_in Saint Petersburg
Ivan Pavlov (1849): born_in Ryazan; studied_at Saint Petersburg University
C. V. Raman: born_in Tiruchirappalli; led the Indian Institute of Science; ran the Raman Research Institute
J. Robert Oppenheimer: born_in New York City; studied_at Harvard University; led the Los Alamos Laboratory
Carl Sagan (1934): born_in Brooklyn; studied_at the University of Chicago; wrote Cosmos; ran the Planetary Society
Carl Sagan: taught_at Cornell University; married_to Ann Druyan
Karl Marx (1818): born_in Trier; studied_at the University of Bonn; wrote Das Kapital; married_to Jenny von Westphalen
Karl Marx: died_in London; lived_in Brussels
Immanuel Kant: born_in Königsberg; taught_at the University of Königsberg; wrote Critique of Pure Reason
Friedrich Nietzsche (1844): born_in Röcken; wrote Thus Spoke Zarathustra, Ecce Homo; taught_at the University of Basel
Friedrich Nietzsche: studied_at Leipzig University; died_in Weimar; admired Johann Wolfgang von Goethe
Nelson Mandela (1918): born_in Mvezo; studied_at the University of Fort Hare; led the African National Congress
Nelson Mandela: wrote Long Walk to Freedom; married_to Graça Machel; admired Mahatma Gandhi
Mahatma Gandhi: born_in Porbandar; studied_at University College London; led the Indian National Congress
Mahatma Gandhi: founded the Natal Indian Congress; lived_in Johannesburg; married_to Kasturba Gandhi
Mahatma Gandhi: met Charlie Chaplin
Jawaharlal Nehru (1889): born_in Allahabad; studied_at Trinity College; wrote The Discovery of India
Barack Obama: born_in Honolulu; studied_at Columbia University, Harvard Law School; married_to Michelle Obama
Michelle Obama (1964): born_in Chicago; studied_at Princeton University; wrote Becoming
John F. Kennedy: born_in Brookline; studied_at Harvard University; married_to Jacqueline Bouvier; visited Berlin
Winston Churchill (1874): led the Conservative Party; studied_at Harrow School; married_to Clementine Hozier
Margaret Thatcher: born_in Grantham; studied_at Somerville College; led the Conservative Party
Margaret Thatcher: married_to Denis Thatcher
Napoleon Bonaparte (1769): born_in Ajaccio; married_to Joséphine de Beauharnais; died_in Saint Helena
Charles de Gaulle (1890): born_in Lille; led the Free French Forces; married_to Yvonne Vendroux
Angela Merkel (1954): born_in Hamburg; studied_at Leipzig University; led the Christian Democratic Union
Booker T. Washington (1856): ran the Tuskegee Institute; wrote Up from Slavery; studied_at Hampton Institute
Clara Barton (1821): ran the American Red Cross; died_in Glen Echo
Henry Dunant (1828): born_in Geneva; founded the Red Cross; wrote A Memory of Solferino
Pierre de Coubertin (1863): born_in Paris; ran the International Olympic Committee; died_in Geneva
Walter Gropius (1883): born_in Berlin; ran the Bauhaus; married_to Alma Mahler; taught_at Harvard University
Ludwig Mies van der Rohe (1886): born_in Aachen; led the Bauhaus; died_in Chicago
Steve Jobs (1955): born_in San Francisco; studied_at Reed College; ran Apple, NeXT; married_to Laurene Powell
Steve Wozniak (1950): born_in San Jose; founded Apple; studied_at the University of California
Larry Page (1973): born_in Lansing; studied_at Stanford University; ran Google
Sergey Brin (1973): born_in Moscow; studied_at Stanford University; founded Google
Mark Zuckerberg: born_in White Plains; studied_at Harvard University; founded Facebook; married_to Priscilla Chan
Walt Disney (1901): born_in Chicago; ran the Walt Disney Company; married_to Lillian Bounds; died_in Burbank
Henry Ford: ran the Ford Motor Company; married_to Clara Bryant; wrote My Life and Work; died_in Dearborn
Andrew Carnegie (1835): born_in Dunfermline; founded Carnegie Steel; married_to Louise Whitfield
John D. Rockefeller (1839): born_in Richford; ran Standard Oil; founded the University of Chicago
Sam Walton: born_in Kingfisher; studied_at the University of Missouri; ran Walmart; married_to Helen Robson
Jack Ma (1964): born_in Hangzhou; ran Alibaba
Werner von Siemens (1816): born_in Lenthe; ran Siemens
Adolf Dassler (1900): born_in Herzogenaurach; ran Adidas
Rudolf Dassler (1898): born_in Herzogenaurach; ran Puma
André Citroën (1878): born_in Paris; studied_at the École Polytechnique; ran Citroën
Coco Chanel (1883): born_in Saumur; ran Chanel; died_in Paris
Jamsetji Tata (1839): born_in Navsari; studied_at Elphinstone College; founded the Tata Group
Narayana Murthy (1946): ran Infosys; married_to Sudha Murty
Richard Branson (1950): studied_at Stowe School; ran the Virgin Group
Michael Dell (1965): born_in Houston; studied_at the University of Texas; founded Dell
Phil Knight (1938): born_in Portland; studied_at the University of Oregon; ran Nike; wrote Shoe Dog
Reed Hastings (1960): born_in Boston; studied_at Bowdoin College; ran Netflix
Robert Noyce (1927): born_in Burlington; studied_at Grinnell College; ran Intel
Gordon Moore (1929): born_in San Francisco; ran Intel
David Packard (1912): born_in Pueblo; studied_at Stanford University; ran Hewlett-Packard
William Hewlett (1913): born_in Ann Arbor; studied_at Stanford University; ran Hewlett-Packard
Alfred Hitchcock (1899): born_in Leytonstone; directed Psycho, Vertigo, Rear Window; married_to Alma Reville
Stanley Kubrick (1928): born_in New York City; directed The Shining, Full Metal Jacket; made Barry Lyndon
Orson Welles: born_in Kenosha; made Citizen Kane, Touch of Evil; married_to Rita Hayworth; starred_in The Third Man
Charlie Chaplin (1889): born_in London; made Modern Times, City Lights, The Great Dictator; married_to Oona O'Neill
Charlie Chaplin: founded United Artists; starred_in The Kid; met Albert Einstein
Steven Spielberg (1946): born_in Cincinnati; directed Jaws, Schindler's List, Jurassic Park
Steven Spielberg: made Close Encounters of the Third Kind; founded DreamWorks; married_to Kate Capshaw
Steven Spielberg: admired David Lean
George Lucas (1944): born_in Modesto; studied_at the University of Southern California
George Lucas: made Star Wars, American Graffiti; ran Lucasfilm
Francis Ford Coppola (1939): born_in Detroit; studied_at Hofstra University
Francis Ford Coppola: made The Godfather, Apocalypse Now, The Conversation; founded American Zoetrope
Martin Scorsese (1942): born_in New York City; studied_at New York University; directed Taxi Driver, Raging Bull
Quentin Tarantino (1963): born_in Knoxville; made Pulp Fiction, Reservoir Dogs, Jackie Brown
James Cameron (1954): born_in Kapuskasing; made Titanic, Avatar; married_to Kathryn Bigelow
Kathryn Bigelow (1951): born_in San Carlos; directed The Hurt Locker, Point Break
Ridley Scott: born_in South Shields; studied_at the Royal College of Art; directed Alien, Blade Runner, Gladiator
Christopher Nolan (1970): born_in London; studied_at University College London; made Inception, Interstellar
Christopher Nolan: married_to Emma Thomas
David Lean (1908): born_in Croydon; directed Lawrence of Arabia, Brief Encounter
Sergei Eisenstein (1898): born_in Riga; directed Battleship Potemkin, Alexander Nevsky; died_in Moscow
Andrei Tarkovsky (1932): directed Solaris, Stalker; died_in Paris
Jean-Luc Godard: born_in Paris; studied_at the Sorbonne; made Breathless, Alphaville; married_to Anna Karina
François Truffaut (1932): born_in Paris; made The 400 Blows, Day for Night; admired Alfred Hitchcock
Satyajit Ray (1921): born_in Kolkata; studied_at Presidency College; made Pather Panchali, The Music Room
Satyajit Ray: met Jean Renoir; admired Rabindranath Tagore
Werner Herzog (1942): born_in Munich; made Fitzcarraldo, Stroszek
F. W. Murnau (1888): born_in Bielefeld; directed Nosferatu, Sunrise
Wim Wenders (1945): born_in Düsseldorf; made Wings of Desire
Jane Campion (1954): born_in Wellington; made The Piano
Bong Joon-ho (1969): born_in Daegu; studied_at Yonsei University; made Parasite, Okja
Greta Gerwig (1983): born_in Sacramento; studied_at Barnard College; made Lady Bird, Barbie
Vincent van Gogh (1853): born_in Zundert; painted The Starry Night, The Potato Eaters; lived_in Arles; admired Rembrandt
Vincent van Gogh: died_in Auvers-sur-Oise
Rembrandt: born_in Leiden; painted The Night Watch, The Jewish Bride; died_in Amsterdam
Rembrandt: married_to Saskia van Uylenburgh
Johannes Vermeer: born_in Delft; painted Girl with a Pearl Earring, The Milkmaid; married_to Catharina Bolnes
Claude Monet (1840): born_in Paris; painted Woman with a Parasol; died_in Giverny; married_to Camille Doncieux
Édouard Manet (1832): born_in Paris; painted Olympia, A Bar at the Folies-Bergère
Paul Gauguin (1848): born_in Paris; painted The Yellow Christ; lived_in Tahiti
Paul Cézanne (1839): born_in Aix-en-Provence; painted The Card Players, The Bathers
Eugène Delacroix (1798): painted Liberty Leading the People; visited Morocco
Caspar David Friedrich (1774): born_in Greifswald; painted Wanderer above the Sea of Fog; died_in Dresden
Edvard Munch (1863): born_in Løten; painted The Scream, The Sick Child
John Constable (1776): born_in East Bergholt; painted The Hay Wain
Grant Wood (1891): born_in Anamosa; studied_at the Art Institute of Chicago; painted American Gothic
Edward Hopper (1882): born_in Nyack; painted Nighthawks; married_to Josephine Nivison
Peter Paul Rubens (1577): born_in Siegen; married_to Isabella Brant; died_in Antwerp
René Magritte: born_in Lessines; painted The Son of Man, The Treachery of Images; married_to Georgette Berger
Marc Chagall (1887): born_in Vitebsk; painted I and the Village; married_to Bella Rosenfeld
Frida Kahlo (1907): born_in Coyoacán; painted The Two Fridas; married_to Diego Rivera
Diego Rivera (1886): born_in Guanajuato; painted Man at the Crossroads; lived_in Paris
Ludwig van Beethoven (1770): born_in Bonn; composed Fidelio, the Moonlight Sonata, the Eroica Symphony
Johann Sebastian Bach: born_in Eisenach; composed the Brandenburg Concertos, the Goldberg Variations; died_in Leipzig
George Frideric Handel (1685): born_in Halle; composed Messiah, Water Music; died_in London
Richard Wagner (1813): born_in Leipzig; composed Parsifal, Lohengrin; founded the Bayreuth Festival
Richard Wagner: married_to Cosima von Bülow; admired Ludwig van Beethoven
Felix Mendelssohn: born_in Hamburg; composed Elijah; founded the Leipzig Conservatory; led the Gewandhaus Orchestra
Johannes Brahms (1833): born_in Hamburg; composed A German Requiem; admired Ludwig van Beethoven
Robert Schumann: born_in Zwickau; studied_at Leipzig University; composed Carnaval, Kinderszenen; married_to Clara Wieck
Hector Berlioz (1803): composed Symphonie fantastique, The Trojans; married_to Harriet Smithson
Georges Bizet (1838): born_in Paris; studied_at the Paris Conservatoire; composed Carmen, The Pearl Fishers
Maurice Ravel (1875): born_in Ciboure; studied_at the Paris Conservatoire; composed Boléro
Pyotr Ilyich Tchaikovsky (1840): born_in Votkinsk; composed Swan Lake, The Nutcracker
Pyotr Ilyich Tchaikovsky: studied_at the Saint Petersburg Conservatory; taught_at the Moscow Conservatory
Pyotr Ilyich Tchaikovsky: visited New York City
Igor Stravinsky (1882): composed The Rite of Spring, The Firebird; died_in New York City
Edvard Grieg: born_in Bergen; composed the Holberg Suite; studied_at the Leipzig Conservatory; married_to Nina Hagerup
Jean Sibelius (1865): born_in Hämeenlinna; composed Finlandia, Valse triste; married_to Aino Järnefelt
Antonín Dvořák: born_in Nelahozeves; composed Rusalka, the New World Symphony; led the Prague Conservatory
Benjamin Britten (1913): born_in Lowestoft; studied_at the Royal College of Music; composed Peter Grimes, War Requiem
Benjamin Britten: founded the Aldeburgh Festival
Gustav Holst (1874): born_in Cheltenham; studied_at the Royal College of Music; composed The Planets
George Gershwin (1898): born_in Brooklyn; composed Rhapsody in Blue, Porgy and Bess
Leonard Bernstein: born_in Lawrence; studied_at Harvard University; composed West Side Story
Leonard Bernstein: led the New York Philharmonic
George Eliot (1819): born_in Nuneaton; wrote Middlemarch, Silas Marner
Rudyard Kipling (1865): born_in Mumbai; wrote Kim, The Jungle Book
Thomas Hobbes (1588): born_in Westport; wrote Leviathan
Thomas More: born_in London; wrote Utopia
Joseph Conrad (1857): born_in Berdychiv; wrote Nostromo, Lord Jim
Joseph Heller (1923): born_in Brooklyn; studied_at New York University; wrote Catch-22
Frank Herbert (1920): born_in Tacoma; wrote Dune
Ian McEwan (1948): born_in Aldershot; studied_at the University of Sussex; wrote Atonement
J. M. Coetzee (1940): born_in Cape Town; studied_at the University of Cape Town; wrote Disgrace, Foe
Molière (1622): born_in Paris; wrote Tartuffe, The Misanthrope
Stendhal (1783): born_in Grenoble; wrote The Red and the Black
Colette (1873): wrote Gigi, Chéri; died_in Paris
Erasmus: born_in Rotterdam; wrote In Praise of Folly; died_in Basel
Aristotle: born_in Stagira; founded the Lyceum; wrote Poetics
Plato: founded the Academy; wrote Symposium
Virgil: wrote the Aeneid
Ovid: wrote Metamorphoses
Sophocles: wrote Antigone, Electra
Euripides: wrote Medea
Oliver Stone (1946): born_in New York City; made Platoon, Nixon
Michael Mann (1943): born_in Chicago; made Heat, Thief
Sydney Pollack (1934): born_in Lafayette; directed Tootsie, Out of Africa
Jean-Pierre Jeunet (1953): made Amélie
Danny Boyle (1956): born_in Radcliffe; directed Trainspotting, Slumdog Millionaire
Richard Strauss (1864): born_in Munich; composed Salome, Elektra
Vincenzo Bellini (1801): born_in Catania; composed Norma
Claudio Monteverdi: born_in Cremona; composed Orfeo
Adolphe Adam (1803): born_in Paris; composed Giselle
Leoš Janáček (1854): born_in Hukvaldy; composed Jenůfa
Jules Massenet (1842): composed Manon, Werther
John Everett Millais (1829): born_in Southampton; painted Ophelia, Bubbles
Andrew Wyeth (1917): born_in Chadds Ford; painted Christina's World
Jasper Johns (1930): born_in Augusta; painted Flag, Target with Four Faces
Jean-François Millet (1814): painted The Gleaners, The Angelus
August Horch (1868): born_in Winningen; ran Audi
Louis Renault (1877): born_in Paris; ran Renault
Ferdinand Porsche (1875): founded Porsche
Henri Nestlé (1814): born_in Frankfurt; founded Nestlé
Robert Bosch (1861): born_in Albeck; ran Bosch
Hasso Plattner (1944): born_in Berlin; ran SAP
Hans Wilsdorf (1881): born_in Kulmbach; ran Rolex
Gerard Philips (1858): born_in Zaltbommel; ran Philips
Pierre Omidyar (1967): born_in Paris; studied_at Tufts University; founded eBay
Jan Koum (1976): born_in Kyiv; ran WhatsApp
Kevin Systrom (1983): born_in Holliston; ran Instagram
Travis Kalanick (1976): born_in Los Angeles; ran Uber
Walter Chrysler (1875): born_in Wamego; ran Chrysler
George Eastman (1854): born_in Waterville; ran Kodak
Edwin Land (1909): born_in Bridgeport; ran Polaroid
Ted Turner (1938): born_in Cincinnati; studied_at Brown University; founded CNN
Berry Gordy (1929): born_in Detroit; ran Motown
Nolan Bushnell (1943): born_in Clearfield; studied_at the University of Utah; ran Atari
Bruce McLaren (1937): born_in Auckland; ran McLaren
Ray Kroc (1902): born_in Oak Park; led McDonald's
Juan Trippe (1899): ran Pan Am
Robin Li (1968): born_in Yangquan; founded Baidu
Azim Premji (1945): born_in Mumbai; led Wipro
Fred Smith (1944): studied_at Yale University; ran FedEx
William Booth (1829): born_in Nottingham; ran the Salvation Army
Muhammad Yunus (1940): born_in Chittagong; ran Grameen Bank
Peter Benenson (1921): born_in London; founded Amnesty International
Bernard Kouchner (1939): born_in Avignon; founded Doctors Without Borders
Jan van Eyck: painted the Arnolfini Portrait, the Ghent Altarpiece; died_in Bruges
Matthias Grünewald: painted the Isenheim Altarpiece
Thomas Aquinas: wrote the Summa Theologica
Arthur Miller (1915): wrote The Crucible; married_to Marilyn Monroe
Sylvia Plath (1932): born_in Boston; studied_at Smith College; wrote Ariel; married_to Ted Hughes
Hieronymus Bosch: painted The Garden of Earthly Delights
Théodore Géricault (1791): born_in Rouen; painted The Raft of the Medusa
Hans Holbein: painted The Ambassadors
Jean-Honoré Fragonard (1732): born_in Grasse; painted The Swing
Engelbert Humperdinck (1854): born_in Siegburg; composed Hansel and Gretel
Camille Saint-Saëns (1835): born_in Paris; composed Samson and Delilah, Danse macabre
Henry Purcell: born_in London; composed Dido and Aeneas
Claude Debussy (1862): studied_at the Paris Conservatoire; composed La mer, Clair de lune
Modest Mussorgsky (1839): composed Boris Godunov, Pictures at an Exhibition
Franz Lehár (1870): composed The Merry Widow
Ivan Turgenev (1818): born_in Oryol; wrote Fathers and Sons
Elizabeth Gaskell (1810): wrote North and South
W. Somerset Maugham (1874): born_in Paris; wrote Of Human Bondage
Wolfgang Petersen (1941): born_in Emden; made Das Boot
Mathieu Kassovitz (1967): born_in Paris; made La Haine
Jean-Pierre Melville (1917): born_in Paris; made Le Samouraï
married_to: John Lennon > Yoko Ono, Paul McCartney > Linda Eastman, Richard Burton > Elizabeth Taylor
married_to: Lauren Bacall > Humphrey Bogart, Paul Newman > Joanne Woodward, Bill Clinton > Hillary Rodham
married_to: Ronald Reagan > Nancy Davis, Juan Perón > Eva Perón, Vivien Leigh > Laurence Olivier
married_to: Johnny Cash > June Carter, Lee Krasner > Jackson Pollock, Georgia O'Keeffe > Alfred Stieglitz
married_to: Mary Leakey > Louis Leakey, Charles Eames > Ray Kaiser
starred_in: Marlon Brando > The Godfather, Marlon Brando > Apocalypse Now, Robert De Niro > Taxi Driver
starred_in: Robert De Niro > Raging Bull, Harrison Ford > Star Wars, Harrison Ford > Blade Runner
starred_in: Leonardo DiCaprio > Titanic, Leonardo DiCaprio > Inception, Humphrey Bogart > Casablanca
starred_in: Jack Nicholson > The Shining, Peter O'Toole > Lawrence of Arabia, Sigourney Weaver > Alien
starred_in: Sigourney Weaver > Avatar, Jean-Paul Belmondo > Breathless
based_in: Apple > Cupertino, Google > Mountain View, Facebook > Menlo Park, Intel > Santa Clara, Walmart > Bentonville
based_in: Nike > Beaverton, the Ford Motor Company > Dearborn, General Motors > Detroit, Siemens > Munich, BMW > Munich
based_in: Audi > Ingolstadt, Porsche > Stuttgart, Volkswagen > Wolfsburg, Deutsche Bank > Frankfurt
based_in: the European Central Bank > Frankfurt, Adidas > Herzogenaurach, Puma > Herzogenaurach, Airbus > Toulouse
based_in: Michelin > Clermont-Ferrand, Nestlé > Vevey, FIFA > Zurich, the International Olympic Committee > Lausanne
based_in: the World Health Organization > Geneva, UNESCO > Paris, Interpol > Lyon, NATO > Brussels, the BBC > London
based_in: Heineken > Amsterdam, Nokia > Espoo, Infosys > Bangalore, the Tata Group > Mumbai, Alibaba > Hangzhou
based_in: Tencent > Shenzhen, Huawei > Shenzhen, Hyundai > Seoul, Netflix > Los Gatos, Hewlett-Packard > Palo Alto
based_in: Procter & Gamble > Cincinnati, the World Bank > Washington, Qantas > Sydney
based_in: Bosch > Gerlingen, SAP > Walldorf, Renault > Boulogne-Billancourt, Rolex > Geneva, Philips > Amsterdam
based_in: Adobe > San Jose, Cisco > San Jose, Nvidia > Santa Clara, IBM > Armonk, FedEx > Memphis, Coca-Cola > Atlanta
based_in: Pfizer > New York City, McDonald's > Chicago, Target > Minneapolis, Garmin > Olathe, Bayer > Leverkusen
based_in: Lufthansa > Cologne, Aldi > Essen, Henkel > Düsseldorf, Opel > Rüsselsheim, Danone > Paris, Novartis > Basel
based_in: Roche > Basel, Logitech > Lausanne, Shell > London, Burberry > London, Ryanair > Dublin, Equinor > Stavanger
based_in: Baidu > Beijing, Lenovo > Beijing, Wipro > Bangalore, Samsung > Suwon, Škoda > Mladá Boleslav
based_in: Dacia > Mioveni, Safaricom > Nairobi, Telstra > Melbourne
start_year: Apple > 1976, Google > 1998, Facebook > 2004, Intel > 1968, Walmart > 1962, the Ford Motor Company > 1903
start_year: Siemens > 1847, Adidas > 1949, Puma > 1948, the International Olympic Committee > 1894, Alibaba > 1999
start_year: Netflix > 1997, Hewlett-Packard > 1939
rivals: Nike > Adidas, the Ford Motor Company > General Motors, BMW > Audi, Adidas > Puma, Heineken > Carlsberg
rivals: Alibaba > Tencent
rivals: Pepsi > Coca-Cola, Airbus > Boeing, Mastercard > Visa, UPS > FedEx, Nvidia > AMD, Uber > Lyft
capital_of: Paris > France, Berlin > Germany, London > the United Kingdom, Moscow > Russia
capital_of: Washington > the United States, Athens > Greece, Brussels > Belgium, Amsterdam > the Netherlands
capital_of: Oslo > Norway, Helsinki > Finland, Prague > the Czech Republic, Budapest > Hungary, Kyiv > Ukraine
capital_of: Dublin > Ireland, Ankara > Turkey, New Delhi > India, Beijing > China, Seoul > South Korea
capital_of: Buenos Aires > Argentina, Lima > Peru, Nairobi > Kenya, Canberra > Australia, Wellington > New Zealand
capital_of: Havana > Cuba, Riga > Latvia, Tunis > Tunisia, Baghdad > Iraq, Bucharest > Romania, Hanoi > Vietnam
capital_of: Kuala Lumpur > Malaysia, Phnom Penh > Cambodia, San Salvador > El Salvador, Port Moresby > Papua New Guinea
capital_of: Port Louis > Mauritius, Abu Dhabi > the United Arab Emirates, Tegucigalpa > Honduras, Ulaanbaatar > Mongolia
capital_of: Montevideo > Uruguay, Khartoum > Sudan
city_in: Lyon > France, Nantes > France, Munich > Germany, Hamburg > Germany, Dresden > Germany, Edinburgh > Scotland
city_in: Saint Petersburg > Russia, Istanbul > Turkey, Mumbai > India, Kolkata > India, Shanghai > China
city_in: Hangzhou > China, Sydney > Australia, Zurich > Switzerland, Geneva > Switzerland, Basel > Switzerland
city_in: Houston > Texas, Detroit > Michigan, San Francisco > California, Sacramento > California
city_in: Boston > Massachusetts, Rotterdam > the Netherlands, Antwerp > Belgium, Bergen > Norway
city_in: Brno > the Czech Republic, Arequipa > Peru
city_in: Los Angeles > California, Salt Lake City > Utah, Las Vegas > Nevada, Minneapolis > Minnesota
city_in: Memphis > Tennessee, Cape Town > South Africa, Johannesburg > South Africa, Dar es Salaam > Tanzania
city_in: Santiago de Cuba > Cuba, Mar del Plata > Argentina, Nizhny Novgorod > Russia, Ho Chi Minh City > Vietnam
city_in: Le Havre > France, Clermont-Ferrand > France, Melbourne > Australia, Auckland > New Zealand, Cologne > Germany
city_in: Chittagong > Bangladesh, Bangalore > India
located_in: the Eiffel Tower > Paris, the Acropolis > Athens, Mount Kilimanjaro > Tanzania, Lake Baikal > Russia
located_in: Machu Picchu > Peru, the Brandenburg Gate > Berlin, Angkor Wat > Cambodia
located_in: Stonehenge > England, Mount Olympus > Greece, the Matterhorn > Switzerland
located_in: the Taj Mahal > Agra, the Golden Gate Bridge > San Francisco, the Kremlin > Moscow, the Parthenon > Athens
located_in: the Serengeti > Tanzania, the Black Forest > Germany, the Grand Canyon > Arizona
located_in: the Great Barrier Reef > Australia
borders: France > Germany, France > Belgium, France > Switzerland, Russia > Finland, Russia > Latvia, Romania > Hungary
borders: Romania > Bulgaria, India > China, India > Nepal, Kenya > Tanzania, Kenya > Uganda, Iraq > Iran, Peru > Ecuador
borders: Malaysia > Thailand, Mongolia > China, Honduras > Nicaragua, Norway > Finland, Ukraine > Moldova
borders: the United States > Mexico
set_in: Crime and Punishment > Saint Petersburg, Ulysses > Dublin, The Plague > Oran, Buddenbrooks > Lübeck
set_in: Bleak House > London, Vertigo > San Francisco, Taxi Driver > New York City, Wings of Desire > Berlin
set_in: Atonement > England, Platoon > Vietnam, Heat > Los Angeles, Trainspotting > Edinburgh, Disgrace > South Africa
set_in: Kim > India, Norma > Gaul, Amélie > Paris, The Jungle Book > India
release_year: Vertigo > 1958, Taxi Driver > 1976, Wings of Desire > 1987, Psycho > 1960, Jaws > 1975, Titanic > 1997
release_year: Pulp Fiction > 1994, Citizen Kane > 1941, Modern Times > 1936, The Godfather > 1972, Parasite > 2019
hangs_in: The Starry Night > the Museum of Modern Art, The Night Watch > the Rijksmuseum, The Milkmaid > the Rijksmuseum
hangs_in: Girl with a Pearl Earring > the Mauritshuis, The Hay Wain > the National Gallery
hangs_in: Nighthawks > the Art Institute of Chicago
hangs_in: Ophelia > Tate Britain, The Gleaners > the Musée d'Orsay, Olympia > the Musée d'Orsay
hangs_in: Christina's World > the Museum of Modern Art
hangs_in: the Arnolfini Portrait > the National Gallery
""",
    "dev": """
Wolfgang Amadeus Mozart (1756): born_in Salzburg; composed The Magic Flute, Don Giovanni; married_to Constanze Weber
Wolfgang Amadeus Mozart: died_in Vienna; met Joseph Haydn
Joseph Haydn (1732): born_in Rohrau; composed The Creation, The Seasons; died_in Vienna
Franz Schubert (1797): born_in Vienna; composed the Trout Quintet, Winterreise
Gustav Mahler (1860): led the Vienna Court Opera; married_to Alma Schindler
Gustav Klimt (1862): ran the Vienna Secession; painted The Tree of Life
Sigmund Freud: born_in Freiberg; studied_at the University of Vienna; wrote Totem and Taboo; married_to Martha Bernays
Stefan Zweig: born_in Vienna; studied_at the University of Vienna; wrote The World of Yesterday; died_in Petrópolis
Fritz Lang (1890): born_in Vienna; directed Metropolis, Fury; married_to Thea von Harbou
Billy Wilder (1906): made Sunset Boulevard, The Apartment
Erwin Schrödinger (1887): born_in Vienna; studied_at the University of Vienna; taught_at the University of Graz
Dietrich Mateschitz (1944): ran Red Bull
Pablo Picasso (1881): born_in Málaga; painted Guernica, Les Demoiselles d'Avignon
Pablo Picasso: married_to Olga Khokhlova, Jacqueline Roque; lived_in Barcelona; died_in Mougins
Pablo Picasso: admired Diego Velázquez
Diego Velázquez (1599): born_in Seville; painted Las Meninas; died_in Madrid
Francisco Goya (1746): born_in Fuendetodos; painted Saturn Devouring His Son; died_in Bordeaux
Salvador Dalí (1904): born_in Figueres; painted The Persistence of Memory; admired Diego Velázquez
Miguel de Cervantes: born_in Alcalá de Henares; wrote Don Quixote; died_in Madrid
Federico García Lorca (1898): studied_at the University of Granada; wrote Blood Wedding, Yerma
Luis Buñuel (1900): born_in Calanda; made Viridiana
Pedro Almodóvar (1949): made Volver, Talk to Her; founded El Deseo
Amancio Ortega (1936): ran Inditex
Alfred Nobel (1833): born_in Stockholm; died_in Sanremo
Ingmar Bergman (1918): born_in Uppsala; made The Seventh Seal, Wild Strawberries, Persona
Ingmar Bergman: led the Royal Dramatic Theatre; married_to Käbi Laretei
Astrid Lindgren (1907): born_in Vimmerby; wrote Pippi Longstocking, The Brothers Lionheart; died_in Stockholm
August Strindberg (1849): born_in Stockholm; studied_at Uppsala University; wrote Miss Julie, The Red Room
August Strindberg: married_to Siri von Essen, Harriet Bosse
Carl Linnaeus (1707): born_in Råshult; studied_at Lund University; taught_at Uppsala University; visited Lapland
Carl Linnaeus: wrote Systema Naturae
Ingvar Kamprad (1926): ran IKEA
Lars Magnus Ericsson (1846): ran Ericsson
Pablo Neruda (1904): born_in Parral; wrote Canto General; studied_at the University of Chile; married_to Matilde Urrutia
Pablo Neruda: died_in Santiago; met Gabriela Mistral
Isabel Allende (1942): wrote The House of the Spirits, Eva Luna
José Saramago (1922): born_in Azinhaga; wrote Blindness; married_to Pilar del Río; lived_in Lanzarote
Fernando Pessoa (1888): born_in Lisbon; wrote The Book of Disquiet; lived_in Durban
starred_in: Penélope Cruz > Volver, Max von Sydow > The Seventh Seal
based_in: Red Bull > Fuschl, Inditex > Arteixo, El Deseo > Madrid, Iberia > Madrid, Volvo > Gothenburg
based_in: Ericsson > Stockholm, Spotify > Stockholm
start_year: Red Bull > 1984, Ericsson > 1876
rivals: Volvo > Saab
capital_of: Vienna > Austria, Madrid > Spain, Stockholm > Sweden, Lisbon > Portugal, Santiago > Chile, Amman > Jordan
capital_of: Beirut > Lebanon
city_in: Salzburg > Austria, Barcelona > Spain, Málaga > Spain, Gothenburg > Sweden, Valparaíso > Chile
located_in: Petra > Jordan, the Alhambra > Granada
borders: Spain > Portugal, Jordan > Syria, Austria > Liechtenstein
hangs_in: Las Meninas > the Prado Museum, Guernica > the Reina Sofía Museum
release_year: The Seventh Seal > 1957, Metropolis > 1927
""",
    "test": """
Leonardo da Vinci (1452): born_in Vinci; painted the Mona Lisa, The Last Supper; died_in Amboise
Leonardo da Vinci: met Niccolò Machiavelli; lived_in Milan
Michelangelo (1475): born_in Caprese; painted The Creation of Adam, The Last Judgment; admired Dante Alighieri
Raphael (1483): born_in Urbino; painted The School of Athens, the Sistine Madonna; died_in Rome
Sandro Botticelli: born_in Florence; painted The Birth of Venus, Primavera
Dante Alighieri (1265): born_in Florence; wrote the Divine Comedy; died_in Ravenna; married_to Gemma Donati
Niccolò Machiavelli (1469): born_in Florence; wrote The Prince, The Mandrake
Umberto Eco (1932): born_in Alessandria; studied_at the University of Turin
Umberto Eco: wrote The Name of the Rose, Foucault's Pendulum; taught_at the University of Bologna; died_in Milan
Umberto Eco: married_to Renate Ramge
Galileo Galilei (1564): born_in Pisa; studied_at the University of Pisa; taught_at the University of Padua
Giuseppe Verdi (1813): composed Aida, Rigoletto, La traviata; died_in Milan; married_to Giuseppina Strepponi
Giacomo Puccini (1858): born_in Lucca; composed Tosca, Turandot; admired Giuseppe Verdi
Antonio Vivaldi (1678): born_in Venice; composed The Four Seasons
Gioachino Rossini (1792): born_in Pesaro; composed The Barber of Seville; married_to Isabella Colbran
Federico Fellini (1920): born_in Rimini; made La Dolce Vita, La Strada; married_to Giulietta Masina
Enrico Fermi (1901): born_in Rome; studied_at the University of Pisa; married_to Laura Capon
Maria Montessori (1870): born_in Chiaravalle; wrote The Absorbent Mind
Enzo Ferrari (1898): born_in Modena; ran Ferrari
Giovanni Agnelli (1866): born_in Villar Perosa; ran Fiat
Giorgio Armani (1934): born_in Piacenza; ran Armani
Marie Curie (1867): born_in Warsaw; studied_at the University of Paris; married_to Pierre Curie
Marie Curie: founded the Radium Institute; taught_at the University of Paris; visited Brazil
Nicolaus Copernicus (1473): born_in Toruń; studied_at Jagiellonian University; died_in Frombork; visited Rome
Frédéric Chopin (1810): born_in Żelazowa Wola; composed the Minute Waltz; visited Majorca
Andrzej Wajda (1926): born_in Suwałki; studied_at the Łódź Film School; directed Man of Marble
Roman Polanski (1933): studied_at the Łódź Film School; directed Chinatown, The Pianist; married_to Sharon Tate
Lech Wałęsa (1943): born_in Popowo; ran Solidarity
Hans Christian Andersen: born_in Odense; wrote The Little Mermaid, The Snow Queen; died_in Copenhagen; visited Naples
Søren Kierkegaard: born_in Copenhagen; studied_at the University of Copenhagen; wrote Fear and Trembling
Niels Bohr (1885): born_in Copenhagen; studied_at the University of Copenhagen
Niels Bohr: ran the Institute for Theoretical Physics; married_to Margrethe Nørlund; visited Japan
Lars von Trier (1956): made Breaking the Waves, Dogville; founded Zentropa
Ole Kirk Christiansen (1891): born_in Filskov; ran Lego
Akira Kurosawa (1910): born_in Tokyo; made Seven Samurai, Rashomon, Ikiru; admired John Ford
Hayao Miyazaki (1941): born_in Tokyo; made Spirited Away, Princess Mononoke; studied_at Gakushuin University
Hayao Miyazaki: founded Studio Ghibli
Yasujirō Ozu (1903): born_in Tokyo; made Tokyo Story, Late Spring
Soichiro Honda (1906): born_in Hamamatsu; ran Honda
Akio Morita (1921): born_in Nagoya; ran Sony; wrote Made in Japan
Fusajiro Yamauchi (1859): born_in Kyoto; ran Nintendo
Haruki Murakami (1949): born_in Kyoto; studied_at Waseda University; wrote Norwegian Wood, Kafka on the Shore
Haruki Murakami: married_to Yoko Takahashi
Yukio Mishima (1925): born_in Tokyo; studied_at the University of Tokyo; wrote Confessions of a Mask
Katsushika Hokusai: born_in Edo; painted The Great Wave off Kanagawa
Gabriel García Márquez (1927): born_in Aracataca; wrote One Hundred Years of Solitude, Love in the Time of Cholera
Gabriel García Márquez: married_to Mercedes Barcha; died_in Mexico City; met Akira Kurosawa
Paulo Coelho (1947): born_in Rio de Janeiro; wrote The Alchemist, Brida
Machado de Assis (1839): born_in Rio de Janeiro; wrote Dom Casmurro; ran the Brazilian Academy of Letters
Margaret Atwood (1939): born_in Ottawa; studied_at Radcliffe College; wrote The Handmaid's Tale, Alias Grace
David Cronenberg (1943): born_in Toronto; studied_at the University of Toronto; made Videodrome, Scanners
Naguib Mahfouz (1911): born_in Cairo; studied_at Cairo University; wrote Palace Walk, Children of the Alley
Bill Gates (1955): born_in Seattle; ran Microsoft; married_to Melinda French
Paul Allen (1953): born_in Seattle; founded Microsoft; studied_at Washington State University
Jeff Bezos (1964): born_in Albuquerque; ran Amazon
Howard Schultz (1953): led Starbucks
J. K. Rowling: born_in Yate; studied_at the University of Exeter; wrote The Casual Vacancy; lived_in Porto
starred_in: Marcello Mastroianni > La Dolce Vita, Toshiro Mifune > Seven Samurai, Toshiro Mifune > Rashomon
based_in: Ferrari > Maranello, Fiat > Turin, Armani > Milan, Prada > Milan, Lego > Billund, Honda > Tokyo, Sony > Tokyo
based_in: Nintendo > Kyoto, Microsoft > Redmond, Amazon > Seattle, Starbucks > Seattle, Petrobras > Rio de Janeiro
rivals: Ferrari > Lamborghini, Honda > Toyota, Sony > Nintendo
start_year: Fiat > 1899, Lego > 1932, Honda > 1948, Sony > 1946, Nintendo > 1889, Microsoft > 1975, Amazon > 1994
capital_of: Rome > Italy, Tokyo > Japan, Warsaw > Poland, Copenhagen > Denmark, Ottawa > Canada, Cairo > Egypt
capital_of: Bogotá > Colombia, Brasília > Brazil, Reykjavik > Iceland, Manila > the Philippines
capital_of: Addis Ababa > Ethiopia
city_in: Florence > Italy, Venice > Italy, Kyoto > Japan, Kraków > Poland, Odense > Denmark, Toronto > Canada
city_in: São Paulo > Brazil, Medellín > Colombia, Alexandria > Egypt
located_in: the Colosseum > Rome, Mount Fuji > Japan
borders: Italy > Slovenia, Poland > Slovakia, Egypt > Libya, Brazil > Bolivia
set_in: Tosca > Rome, Norwegian Wood > Tokyo, Palace Walk > Cairo, The Pianist > Warsaw
release_year: The Pianist > 2002, La Dolce Vita > 1960, Seven Samurai > 1954, Spirited Away > 2001
hangs_in: the Mona Lisa > the Louvre, The Birth of Venus > the Uffizi Gallery, Primavera > the Uffizi Gallery
""",
}

# Sentences that state at least one relation.
TEMPLATES = """
{p} was born in {c}. | p born_in c
{p} was born in {c} in {y}. | p born_in c, p birth_year y
{c} is the birthplace of {p}. | p born_in c
A native of {c}, {p} became famous far beyond it. | p born_in c
{p} came into the world in {c} in {y}. | p born_in c, p birth_year y
In {y}, {p} was born in {c}. | p born_in c, p birth_year y
{p} studied at {u}. | p studied_at u
{p} was once a student at {u}. | p studied_at u
As a young student, {p} attended {u}. | p studied_at u
{p} was educated at {u}. | p studied_at u
{u} counts {p} among its former students. | p studied_at u
{p} wrote {w}. | p wrote w
{w} was written by {p}. | p wrote w
{p} is the author of {w}. | p wrote w
It was {p} who wrote {w}. | p wrote w
{p} directed {w}. | p directed w
{w} was directed by {p}. | p directed w
{p} directed {w}, which came out in {y}. | p directed w, w release_year y
{w} is a film by the director {p}. | p directed w
{p} painted {w}. | p painted w
{w} was painted by {p}. | p painted w
{w} is a famous painting by {p}. | p painted w
{p} composed {w}. | p composed w
{w} was composed by {p}. | p composed w
{p} is the composer of {w}. | p composed w
{p} founded {o}. | p founded o
{o} was founded by {p}. | p founded o
{p} set up {o} in {y}. | p founded o, o start_year y
{p} was one of the founders of {o}. | p founded o
{p} led {o}. | p led o
{o} was led by {p} for some time. | p led o
{p} was the head of {o}. | p led o
{p} was in charge of {o} for several years. | p led o
{o} is headquartered in {c}. | o based_in c
{o} has its headquarters in {c}. | o based_in c
The headquarters of {o} are in {c}. | o based_in c
{o} is based in {c}. | o based_in c
{c} is the capital of {n}. | c capital_of n
The capital of {n} is {c}. | c capital_of n
{n}, whose capital is {c}, attracts many visitors. | c capital_of n
{c} lies in {n}. | c located_in n
{c} is located in {n}. | c located_in n
{c} is a city in {n}. | c city_in n
{p} wrote {w}, while {q} composed {v}. | p wrote w, q composed v
{p} was born in {c}, but {q} was born in {d}. | p born_in c, q born_in d
{p} directed {w}, and {q} painted {v}. | p directed w, q painted v
{c} is the capital of {n}, and {d} is the capital of {m}. | c capital_of n, d capital_of m
{o} is based in {c}, whereas {r} is based in {d}. | o based_in c, r based_in d
{p} studied at {u}, and {q} studied at {v}. | p studied_at u, q studied_at v
{p} was born in {c} and studied at {u}. | p born_in c, p studied_at u
Born in {c}, {p} was educated at {u}. | p born_in c, p studied_at u
{p}, who was born in {c}, wrote {w}. | p born_in c, p wrote w
{p} wrote {w} and {v}. | p wrote w, p wrote v
Both {w} and {v} were written by {p}. | p wrote w, p wrote v
Born in {c} in {y}, {p} wrote {w} and {v}. | p born_in c, p birth_year y, p wrote w, p wrote v
{p}, the author of {w}, studied at {u}. | p wrote w, p studied_at u
{p} was born in {c}, the capital of {n}. | p born_in c, c capital_of n
{p} was born in {c}, a city in {n}. | p born_in c, c city_in n
{p} directed {w} and {v}. | p directed w, p directed v
{p}, a native of {c}, directed {w}. | p born_in c, p directed w
{p}, the director of {w} and {v}, was born in {c}. | p directed w, p directed v, p born_in c
{p} studied at {u} and later directed {w}. | p studied_at u, p directed w
{w} and {v} were both painted by {p}. | p painted w, p painted v
{p}, the painter of {w}, was born in {c}. | p painted w, p born_in c
Born in {c}, {p} painted {w}. | p born_in c, p painted w
{p} was born in {c} and composed {w}. | p born_in c, p composed w
{p}, who composed {w} and {v}, was born in {c} in {y}. | p composed w, p composed v, p born_in c, p birth_year y
{p} composed both {w} and {v}. | p composed w, p composed v
{p} and {q} founded {o}. | p founded o, q founded o
{p} founded {o}, which is headquartered in {c}. | p founded o, o based_in c
{o}, founded by {p}, has its headquarters in {c}. | p founded o, o based_in c
{o} is based in {c} and was founded by {p} in {y}. | o based_in c, p founded o, o start_year y
{p}, who was born in {c}, founded {o}. | p born_in c, p founded o
{p} studied at {u} and went on to found {o}. | p studied_at u, p founded o
{p}, who led {o}, was born in {c}. | p led o, p born_in c
{p}, born in {c} and educated at {u}, led {o}. | p born_in c, p studied_at u, p led o
{o} and {r} are both headquartered in {c}. | o based_in c, r based_in c
{c}, the capital of {n}, is home to the headquarters of {o}. | c capital_of n, o based_in c
{o} is based in {c}, a city in {n}. | o based_in c, c city_in n
{d} lies in {n}, whose capital is {c}. | d city_in n, c capital_of n
{c} and {d} are cities in {n}. | c city_in n, d city_in n
{d} is located in {c}, the capital of {n}. | d located_in c, c capital_of n
{p} and {q} were both born in {c}. | p born_in c, q born_in c
{p} and {q} both studied at {u}. | p studied_at u, q studied_at u
{p}, born in {c} and educated at {u}, wrote {w}. | p born_in c, p studied_at u, p wrote w
{c}, a city in {n}, is its capital. | c city_in n, c capital_of n
{c} lies in {n} and is its capital. | c located_in n, c capital_of n
{c} is located in {n} and serves as the capital of the country. | c located_in n, c capital_of n
Situated in {n}, {c} is the capital of the country. | c located_in n, c capital_of n
{c} is the capital of {n} and lies in the country. | c capital_of n, c located_in n
{p} founded and led {o}. | p founded o, p led o
{p} founded {o} and led it for many years. | p founded o, p led o
{o} was both founded and led by {p}. | p founded o, p led o
{p} was the founder and head of {o}. | p founded o, p led o
{p}, born in {c}, founded {o} and led it. | p born_in c, p founded o, p led o
{p} founded and led {o}, which is based in {c}. | p founded o, p led o, o based_in c
{w} was written and directed by {p}. | p scripted w, p directed w
{p} wrote and directed {w}. | p scripted w, p directed w
{p} was both the writer and the director of {w}. | p scripted w, p directed w
{p}, a native of {c}, wrote and directed {w}. | p born_in c, p scripted w, p directed w
{p}, who wrote and directed {w}, studied at {u}. | p scripted w, p directed w, p studied_at u
{p} married {q}. | p married_to q, q married_to p
{p} was married to {q}. | p married_to q, q married_to p
{p} and {q} were married. | p married_to q, q married_to p
{p} and {q} were husband and wife. | p married_to q, q married_to p
{p}, born in {c}, was married to {q}. | p born_in c, p married_to q, q married_to p
{p}, who wrote {w}, was married to {q}. | p wrote w, p married_to q, q married_to p
{p}, who directed {w}, was married to {q}. | p directed w, p married_to q, q married_to p
{p} studied at {u} and married {q}. | p studied_at u, p married_to q, q married_to p
{p} was born in {c} and died in {d}. | p born_in c, p died_in d
{p} lived in {d} but was born in {c}. | p born_in c, p lived_in d
{p}, who died in {d}, wrote {w}. | p died_in d, p wrote w
{p}, who once visited {d}, was born in {c}. | p visited d, p born_in c
{p} studied at {u} and taught at {v}. | p studied_at u, p taught_at v
{p}, who taught at {u}, was born in {c}. | p taught_at u, p born_in c
{p}, an admirer of {q}, was born in {c}. | p admired q, p born_in c
{p}, who admired {q}, wrote {w}. | p admired q, p wrote w
{p} met {q}, who was born in {c}. | p met q, q born_in c
{a} starred in {w}, which was directed by {p}. | a starred_in w, p directed w
{p} directed {w}, with {a} in the leading role. | p directed w, a starred_in w
{c} is the capital of {n}, which borders {m}. | c capital_of n, n borders m
{o}, a rival of {r}, is headquartered in {c}. | o rivals r, o based_in c
{w}, which was painted by {p}, hangs in {m}. | p painted w, w hangs_in m
{p} wrote {w}, which is set in {d}. | p wrote w, w set_in d
"""
# Paraphrases that only the test part has, once each.
TEST_TEMPLATES = """
{p} first saw the light of day in {c}. | p born_in c
{w} came from the pen of {p}. | p wrote w
{p} spent student years at {u}. | p studied_at u
{p} was the director behind {w}. | p directed w
{o} runs its business from its head office in {c}. | o based_in c
{c} serves {n} as its capital. | c capital_of n
{p} brought {o} into being and led it. | p founded o, p led o
{p} stood at the head of {o}. | p led o
{p} and {q} became husband and wife. | p married_to q, q married_to p
{w}, a work of the painter {p}, is known all over the world. | p painted w
"""
# Sentences with entities that state no relation of the corpus.
UNRELATED = """
{p} once visited {d}. | p visited d
{p} lived in {d}. | p lived_in d
{p} died in {d}. | p died_in d
{p} taught at {u}. | p taught_at u
{p} admired {q}. | p admired q
{p} was a great admirer of {q}. | p admired q
{p} once met {q}. | p met q
{p} starred in {w}. | p starred_in w
{o} competes with {r}. | o rivals r
{n} borders {m}. | n borders m
{n} and {m} share a border. | n borders m
{w} is set in {d}. | w set_in d
{w} hangs in {m}. | w hangs_in m
Visitors can see {w} at {m}. | w hangs_in m
"""
# Sentences without entities; the parts take theirs from the front in the order of SIZES.
PLAIN = """
The weather was mild for most of the week.
She was born in a small village and studied at the local school.
The painting was sold for a very high price.
He wrote a long letter to his sister every Sunday.
The company moved its headquarters three times in ten years.
Nobody knew who had founded the old bakery on the corner.
The capital was rebuilt after the great fire.
Their film was directed by a group of students.
The two of them were married in a quiet garden.
The orchestra played for more than two hours.
Many visitors prefer to come in early autumn.
The library is closed on public holidays.
A good teacher led the small choir for decades.
The train left the station five minutes late.
The novel was written in only three weeks.
The town lies in a narrow valley by a river.
Most of the students attended the lecture in the evening.
The museum keeps its oldest pictures in the cellar.
The young couple bought a house near the lake.
The song was composed for a wedding.
The bridge was painted green last summer.
It took the team a whole year to finish the script.
The office is located in an old factory.
Every child in the village was taught by the same woman.
He studied the map and then set out on foot.
"""


class Template(NamedTuple):
    """A sentence pattern and the facts that must hold for the names put into it."""

    pattern: str
    query: tuple[tuple[str, str, str], ...]


class Store(NamedTuple):
    """The facts of one part: pairs of names by relation, and the type and article of each name."""

    facts: dict[str, list[tuple[str, str]]]
    types: dict[str, str]
    articles: dict[str, str]


def read_templates(table: str) -> list[Template]:
    """Read ``sentence | variable relation variable, ...`` lines."""
    templates = []
    for line in table.strip().splitlines():
        pattern, _, facts = line.partition(" | ")
        query = tuple((s, relation, o) for s, relation, o in (fact.split() for fact in facts.split(", ")))
        if {name for s, _, o in query for name in (s, o)} != set(re.findall(r"\{(\w+)\}", pattern)):
            raise ValueError(f"template and its facts use different variables: {line}")
        templates.append(Template(pattern, query))
    return templates


def fact_lines(table: str) -> Iterator[tuple[str, str, str]]:
    """Yield relation, subject and object of each fact as the table gives them."""
    for line in table.strip().splitlines():
        head, _, rest = line.partition(": ")
        if head in RELATIONS or head in IMPLIED:
            for pair in rest.split(", "):
                subject, _, target = pair.partition(" > ")
                yield head, subject, target
            continue
        subject, _, year = head.removesuffix(")").partition(" (")
        if year:
            yield "birth_year", subject, year
        for clause in rest.split("; "):
            relation, _, targets = clause.partition(" ")
            for target in targets.split(", "):
                yield relation, subject, target


def read_facts(table: str) -> Store:
    """Read the lines of a fact table and add the facts that they imply."""
    store = Store({relation: [] for relation in RELATIONS}, {}, {})

    def name_of(phrase: str, label: str) -> str:
        name = phrase.removeprefix("the ")
        article = phrase[: len(phrase) - len(name)]
        if store.types.setdefault(name, label) != label or store.articles.setdefault(name, article) != article:
            raise ValueError(f"{name!r} appears with two types or with and without its article")
        return name

    for given, subject, target in fact_lines(table):
        for relation in IMPLIED.get(given, (given,)):
            subject_label, object_label, _ = RELATIONS[relation]
            pair = name_of(subject, subject_label), name_of(target, object_label)
            if pair in store.facts[relation]:
                raise ValueError(f"fact given twice: {relation} {pair}")
            store.facts[relation].extend([pair, pair[::-1]] if relation in SYMMETRIC else [pair])
    return store


def bindings(template: Template, store: Store, uses: Counter[str], rng: random.Random) -> Iterator[dict[str, str]]:
    """Yield the ways to fill the variables with distinct names so that all facts hold, seldom used names first."""
    ranked = {}
    for _, relation, _ in template.query:
        keys = {pair: (uses[pair[0]] + uses[pair[1]], rng.random()) for pair in store.facts[relation]}
        ranked[relation] = sorted(keys, key=keys.__getitem__)

    def extend(bound: dict[str, str], position: int) -> Iterator[dict[str, str]]:
        if position == len(template.query):
            yield bound
            return
        s, relation, o = template.query[position]
        for pair in ranked[relation]:
            new = {**bound, s: pair[0], o: pair[1]}
            consistent = all(new[variable] == name for variable, name in bound.items())
            if consistent and len(set(new.values())) == len(new):
                yield from extend(new, position + 1)

    return extend({}, 0)


def render(template: Template, bound: dict[str, str], store: Store, prefix: str) -> dict[str, Any]:
    """Make the corpus example of a template whose variables are bound."""
    text = prefix
    entities: list[list[Any]] = []
    index: dict[str, int] = {}
    for position, piece in enumerate(re.split(r"\{(\w+)\}", template.pattern)):
        if position % 2 == 0:
            text += piece
            continue
        name = bound[piece]
        text += store.articles[name]
        if store.types[name] in ENTITY_LABELS:
            index[piece] = len(entities)
            entities.append([len(text), len(text) + len(name), store.types[name]])
        text += name
    labelled = ((s, RELATIONS[relation][2], o) for s, relation, o in template.query)
    relations = sorted([index[s], label, index[o]] for s, label, o in labelled if label)
    return {"text": text[0].upper() + text[1:], "entities": entities, "relations": relations}


def generate(templates: list[Template], store: Store, count: int, uses: Counter[str], rng: random.Random) -> list[Any]:
    """Make ``count`` different examples, with templates and labels as evenly used as the facts allow."""
    examples: list[dict[str, Any]] = []
    texts: set[str] = set()
    used = [0] * len(templates)
    open_templates = set(range(len(templates)))
    labels: Counter[str] = Counter()

    def rank(number: int) -> tuple[int, int, float]:
        stated = {RELATIONS[relation][2] for _, relation, _ in templates[number].query} - {""}
        return used[number], min((labels[label] for label in stated), default=0), rng.random()

    while len(examples) < count:
        if not open_templates:
            raise ValueError(f"the facts give only {len(examples)} of {count} sentences")
        number = min(sorted(open_templates), key=rank)
        for bound in bindings(templates[number], store, uses, rng):
            example = render(templates[number], bound, store, "")
            if example["text"] not in texts:
                break
        else:
            open_templates.remove(number)
            continue
        texts.add(example["text"])
        if templates[number].pattern.startswith("{") and rng.random() < PREFIX_SHARE:
            example = render(templates[number], bound, store, PREFIXES[int(rng.random() * len(PREFIXES))])
        examples.append(example)
        used[number] += 1
        uses.update(bound.values())
        labels.update(label for _, label, _ in example["relations"])
    return examples


def make_corpus() -> dict[str, list[dict[str, Any]]]:
    """Make all parts, each from its own facts and in its own random order."""
    plain = PLAIN.strip().splitlines()
    corpus = {}
    for part, (related, paraphrased, unrelated, without) in SIZES.items():
        rng = random.Random(f"{SEED} {part}")
        store = read_facts(FACTS[part])
        uses: Counter[str] = Counter()
        examples = []
        for table, count in ((TEST_TEMPLATES, paraphrased), (TEMPLATES, related), (UNRELATED, unrelated)):
            examples += generate(read_templates(table), store, count, uses, rng)
        examples += [{"text": text, "entities": [], "relations": []} for text in plain[:without]]
        plain = plain[without:]
        corpus[part] = sorted(examples, key=lambda _: rng.random())
    return corpus


def check(corpus: dict[str, list[dict[str, Any]]]) -> None:
    """Raise a ValueError that says which promise of the corpus does not hold."""
    labels = {label for _, _, label in RELATIONS.values() if label}
    texts = Counter(example["text"] for examples in corpus.values() for example in examples)
    if repeated := [text for text, count in texts.items() if count > 1]:
        raise ValueError(f"duplicate sentences: {repeated}")
    seen: dict[str, str] = {}
    for part, examples in corpus.items():
        if len(examples) != sum(SIZES[part]):
            raise ValueError(f"{part} has {len(examples)} sentences, not {sum(SIZES[part])}")
        types = read_facts(FACTS[part]).types
        triples: Counter[str] = Counter()
        for example in examples:
            text, end = example["text"], 0
            for start, stop, label in example["entities"]:
                name = text[start:stop]
                if start < end or types.get(name) != label:
                    raise ValueError(f"{part}: {name!r} is not the {label} it is marked as in {text!r}")
                if seen.setdefault(name, part) != part:
                    raise ValueError(f"{name!r} is a name in {seen[name]} and in {part}")
                end = stop
            for s, label, o in example["relations"]:
                if label not in labels or s == o or not 0 <= min(s, o) <= max(s, o) < len(example["entities"]):
                    raise ValueError(f"{part}: bad relation {[s, label, o]} in {text!r}")
                triples[label] += 1
        if rare := sorted(label for label in labels if triples[label] < MIN_TRIPLES[part]):
            raise ValueError(f"{part} has fewer than {MIN_TRIPLES[part]} triples of {', '.join(rare)}")


def main() -> None:
    """Write the corpus to the directory named on the command line."""
    if len(sys.argv) != 2:
        raise SystemExit("usage: python scripts/make_sample.py OUT_DIR")
    corpus = make_corpus()
    check(corpus)
    out_dir = Path(sys.argv[1])
    out_dir.mkdir(parents=True, exist_ok=True)
    for part, examples in corpus.items():
        lines = (json.dumps(example, ensure_ascii=False) + "\n" for example in examples)
        (out_dir / f"{part}.jsonl").write_text("".join(lines), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
