"""One spatially correlated synthetic year of weather, the same whatever the extent, resolution or chunking of a study.

White noise stands on a fixed lattice that covers the earth; each node's numbers depend on seed, year, component and node
alone. A site sees the noise of the nodes around it through a Gaussian kernel whose squared weights sum to one: the variance
is one everywhere, and two sites at distance d correlate as exp(-(d / length)**2). Filtered in time, with time scales that
change smoothly from region to region, three such components make the Gaussian factor that drives the wind and, in part, the
clearness of the days. No draw depends on the other sites of a call, so nothing has to be stored or shared between blocks.
"""
