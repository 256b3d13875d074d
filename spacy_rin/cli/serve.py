"""`spacy rin serve`."""

from typing import Annotated

from spacy.cli._util import Arg, Opt

from ._app import coded_errors, load_pipeline, rin_cli


@rin_cli.command("serve", no_args_is_help=True)
def serve_cli(
    model: Annotated[str, Arg(help="Name or path of a trained pipeline")],
    host: Annotated[str, Opt("--host", "-H", help="Address to listen on. 0.0.0.0 allows other machines")] = "127.0.0.1",
    port: Annotated[int, Opt("--port", "-p", min=1, max=65535, help="Port to listen on")] = 8501,
    gpu_id: Annotated[int, Opt("--gpu-id", "-g", help="GPU ID or -1 for CPU")] = -1,
) -> None:
    """
    Serve a web page that shows the entities and relations of any text.

    The page draws the relations above the text and as a graph. It lists the triples with their scores, and shows what
    each round of the network adds or drops. The threshold can be changed. To install the requirements:
    pip install 'spacy-rin[serve]'

    Example: spacy rin serve training/model-best --port 8080
    """
    from ..page.view import serve

    with coded_errors():
        serve(load_pipeline(model, gpu_id), host=host, port=port)
