"""How fast the library is, measured against others that compute the same: `make bench`.

Read in this order: `cases` (what is measured), `ours`, `in_torch`, `in_jax`, `loops` (who takes
part), `checking` (whoever computes something else is refused), `worker` and `turns` (how time is
measured), `memory`, `linearity`, `bars` (what we want to reach), `report` (the table on the
terminal), `page` (the tables and the figure in the book). `fit` stands on its own: what the
training loop costs on top of its steps (`python -m bench.fit`).
"""
