"""Every private name of Faust and aiokafka that is touched, and nothing else touches one.

`table` lists them all. `faust_transport` gives Faust's private hooks public names; `fetching` reads aiokafka's fetcher;
`membership` watches its group coordinator; `producer` mends its transactional producer; `records` its parsers.
"""
