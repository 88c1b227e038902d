import numpy as np

from streamer.constants import EMBEDDING_SIZE
from workers.network.nn4 import TRAINABLE_PARAMETERS, all_convs, array_shapes


def test_the_table_is_the_released_network() -> None:
    convs = list(all_convs())
    assert len(convs) == 37
    shapes = array_shapes()
    trainable = sum(
        int(np.prod(shape))
        for name, shape in shapes.items()
        if not name.endswith(("/mean", "/variance"))
    )
    assert trainable == TRAINABLE_PARAMETERS == 3_733_968
    assert shapes["conv1/kernel"] == (7, 7, 3, 64)
    assert shapes["inception_4e_5x5_conv2/kernel"] == (5, 5, 64, 128)
    assert shapes["dense_layer/kernel"] == (736, EMBEDDING_SIZE)
