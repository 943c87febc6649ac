"""Gymnasium environments and the suites of tasks that ``vla`` collects from and evaluates on."""
