"""`spacy rin serve`."""

from typing import Annotated

from spacy.cli._util import Arg, Opt

from ._app import coded_errors, load_pipeline, rin_cli


@rin_cli.command("serve", no_args_is_help=True)
def serve_cli(
    model: Annotated[str, Arg(help="Name or path of a trained pipeline")],
    host: Annotated[
        str, Opt("--host", "-H", help="Address to listen on; 0.0.0.0 lets other machines in")
    ] = "127.0.0.1",
    port: Annotated[int, Opt("--port", "-p", min=1, max=65535, help="Port to listen on")] = 8501,
    gpu_id: Annotated[int, Opt("--gpu-id", "-g", help="GPU ID or -1 for CPU")] = -1,
) -> None:
    """
    Serve a page on which to type a text and see its entities and relations.

    The page draws the relations above the text and as a graph, lists the triples with their scores, and shows what each
    round of the network adds or drops, at any threshold. Needs: pip install 'spacy-rin[serve]'

    Example: spacy rin serve training/model-best --port 8080
    """
    from ..page.view import serve

    with coded_errors():
        serve(load_pipeline(model, gpu_id), host=host, port=port)
