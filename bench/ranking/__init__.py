"""Parts of `bench.ranking_load`."""
