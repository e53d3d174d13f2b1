"""Sends results out, with a receipt for every write.

`exports` says what goes where, as rows of data. `items` turns rows of marts into what a destination is to hold, `erp`
journals into what an ERP is to post; `plan` compares that with what was confirmed before. `destinations` has one
module per system: adding a destination is adding a file there. The order of a publish (plan, claim, send, read back,
receipt) is written once, in `include.flows.publish`; what an ERP answers is applied by `include.flows.acknowledge`.
"""
