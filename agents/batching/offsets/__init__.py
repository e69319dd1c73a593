"""How far sources are read: the group's offsets, a stage's own notes, and which of them counts."""
