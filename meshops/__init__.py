"""The operator's command line: plan, bench, preflight; and the runtime they run the program under."""
