"""Rules over a plan. `make plan`, `make policy` and CrossGuard (`pulumi preview --policy-pack policy`) run the same."""
