"""Event schedule and kernels: exact amounts of linear compartment systems and their exact derivatives.

`records` (what happened, what is asked), `plan` (the schedule compiled), `walk` (the kernel) and what it uses
(`trains`, `steady`, `doses`, `advance`, `modes`, `exponentials`), `op` (the PyTensor Op around it).
"""
