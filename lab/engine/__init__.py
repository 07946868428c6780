"""An engine under which the program is really applied to the lab: one maker for each provider."""
