"""Who it is: the network, the gallery, and the processes that use them."""
