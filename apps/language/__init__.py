"""The words of Siaga in English and Indonesian, once for `siaga explain`, CAP messages and the board's page."""
