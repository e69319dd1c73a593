"""From a spreadsheet saved as CSV to the JSON lines that `siaga publish` takes, by a mapping file.

`mapping` reads and checks the mapping file, `records` reads the CSV, `cells` turns the text of one cell into the value
of one field, `columns` finds the mapping's columns in a header, `convert` does a whole file.
"""
