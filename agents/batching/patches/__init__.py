"""All code that touches private names of Faust and aiokafka: no other module does.

`table` lists them all. `faust_transport` gives Faust's private hooks public names; `fetching` reads aiokafka's fetcher;
`membership` watches its group coordinator; `connecting` bounds how its clients connect; `producer` works around defects
of its transactional producer, `records` of its parsers.
"""
