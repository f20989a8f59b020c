"""The call report as data, and its published schema."""

from simpatico.reports.document import SCHEMA_ID, load_schema, to_document, to_json

__all__ = ["SCHEMA_ID", "load_schema", "to_document", "to_json"]
