"""``AnalysisService``: live calls on streams and recordings, from messages to answers. It measures nothing itself."""
