"""Projections of the corpus in remote engines, such as Elasticsearch.

The corpus is the only truth; a projection can be lost without loss. What an engine has
to offer is `Engine` and `Generation` in `base`: put rows, remove keys, make visible what
was written and note the `Position`, list what is held. Everything else is here, the same
for all engines:

- `Projection.follow` brings the engine from the noted position to the newest version of
  the corpus's tables: by the difference of the two versions where the older one is still
  there, else by comparing item by item. Each write carries the version of its table, so
  that the engine can refuse what is older than what it holds; any step may run twice.
- `Projection.rebuild` fills a new generation beside the old one, which goes on being
  followed and searched, and swaps them in one step.
- `Projection.compare` tells item by item where engine and corpus differ, `Projection.verify`
  counts, and mends or rebuilds what does not hold as many items as it should.
- `Following` does the first of these over and over in a thread, with pauses that grow
  while the engine is away. Several processes may do so: where the corpus is a folder a
  lock leaves the work to one of them.

A new engine writes one class for `Engine` and one for `Generation`, names the tables and
columns that it wants as `Table`, and gives both to `Projection`.
"""
