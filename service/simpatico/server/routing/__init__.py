"""``RoutingService``: rankings, assignments, outcomes, experiments, agents and their desktops. `simpatico.routing` does the ranking."""
