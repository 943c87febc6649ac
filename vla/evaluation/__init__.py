"""What rollouts amount to: rates with intervals, JSON, tables, and a ledger of every evaluation."""
