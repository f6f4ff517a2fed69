"""One network from partitions of the points: more than memory holds, on all cores.

Partitions of the points stay where they are. Of each point its partition keeps eight bytes of code and one to four of
class. The driver holds hyperplanes, samples, the few points that are open in the end, and what is finished of the
store.

    ==========  ===================================================================================  ===============
    begin       are all numbers finite? largest norm; what labels there are                          a pass over X
    rounds      the driver chooses hyperplanes on a sample of whole buckets (`samples`);
                partitions XOR the columns of new signs 1 into their codes (`partitions`)            a pass over X
    finish      partitions exchange codes by ranges: codes with two classes are found; their points
                come to the driver, which separates them as any others                               their rows
    store       codes are exchanged once more; each range is sorted, and its rows are built          no pass
    verify      every label is predicted and compared                                                a pass over X
    ==========  ===================================================================================  ===============

What a partition or a range does is a function of its arrays alone, the driver does not know how partitions are cut, and
one generator of random numbers is on the driver: so the network depends neither on partitions, nor on threads, nor on
where arrays are.
"""

from fastmem.distributed.cluster import current_client
from fastmem.distributed.memorize import PARTITIONED_FROM, build_local, build_on_cluster, is_partitioned, lacking

__all__ = ["PARTITIONED_FROM", "build_local", "build_on_cluster", "current_client", "is_partitioned", "lacking"]
