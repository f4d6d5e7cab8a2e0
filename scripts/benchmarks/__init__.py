"""Benchmarks of the toolkit beside other libraries; `scripts/benchmark` runs them."""
