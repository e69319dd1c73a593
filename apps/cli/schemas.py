"""`siaga schemas`: the message contracts as JSON Schemas and an AsyncAPI document."""

from importlib import resources
from pathlib import Path

import click

from schemas.asyncapi import documents, render
from schemas.messages_page import PAGE, messages_page


@click.command()
@click.argument("name", required=False)
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Write every document into this directory."
)
@click.option("--check", is_flag=True, help="Exit 1 if the files (of --out, else the shipped ones) are not current.")
def command(name: str | None, out: Path | None, check: bool) -> None:
    """Print the schema NAME (incident, turnout, ..., asyncapi), or all of them as one object keyed by file name.

    With the NAME messages: a page in Markdown for people.

    They are generated from the models and describe what this version reads and writes.
    """
    if name == PAGE and out is None and not check:
        click.echo(messages_page(), nl=False)
        return
    texts = {file: render(document) for file, document in documents().items()}
    if name is not None and (out is not None or check):
        raise click.UsageError("NAME only prints: leave it out with --out or --check")
    if check:
        _check(texts, out or Path(str(resources.files("schemas").joinpath("json"))))
    elif out is not None:
        _write(texts, out)
    elif name is None:
        click.echo(render(documents()), nl=False)
    elif (file := name.removesuffix(".json") + ".json") in texts:
        click.echo(texts[file], nl=False)
    else:
        known = ", ".join(file.removesuffix(".json") for file in texts)
        raise click.BadParameter(f"{name!r} is none of {known}", param_hint="NAME")


def _write(texts: dict[str, str], directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for file, text in texts.items():
            (directory / file).write_text(text, encoding="utf-8", newline="\n")
    except OSError as wrong:
        raise click.ClickException(f"cannot write {wrong.filename or directory}: {wrong.strerror}") from None
    click.echo(f"{len(texts)} documents written to {directory}")


def _check(texts: dict[str, str], directory: Path) -> None:
    stale = [file for file, text in texts.items() if _read(directory / file) != text.encode()]
    if stale:
        raise click.ClickException(f"not current in {directory}: {', '.join(stale)}; write them with --out")
    click.echo(f"{len(texts)} documents are current in {directory}")


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
