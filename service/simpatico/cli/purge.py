"""``simpatico purge``: what has outlived its retention goes."""

from __future__ import annotations

from typing import Annotated

import typer

from simpatico.cli.memory import ACTOR, AsJson, Assignments, Config, open_memory, print_json, print_table, read_settings

__all__ = ["purge"]


def purge(
    *,
    config: Config = None,
    assignments: Assignments = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")] = False,
    deep: Annotated[
        bool,
        typer.Option("--deep", help="Then write the database's files anew, so that nothing is left in them; others wait."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Delete what is older than retention.* says, beside a running service. Run it once a day; the audit log says what went."""
    from simpatico.profiles import operations
    from simpatico.profiles.retention import Retention, due

    settings = read_settings(config, assignments)
    keep = Retention(**settings.retention.model_dump())
    with open_memory(settings) as store:
        if dry_run:
            rows, scrubbed = store.read(due, keep), None
        else:
            done = store.run(operations.purge(store.store, ACTOR, keep, deep=deep))
            rows, scrubbed = dict(done.rows), done.scrubbed
    if as_json:
        print_json({"dry_run": dry_run, "rows": rows, "scrubbed": scrubbed})
        return
    print_table("Rows that would go" if dry_run else "Rows that went", ("table", "rows"), rows.items())
    if scrubbed is False:
        typer.echo("what was deleted still stands in the write-ahead log, as others were reading; the next purge takes it out")
