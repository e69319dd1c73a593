"""The board: one read-only page that shows the risk table live. See docs/board.md."""
