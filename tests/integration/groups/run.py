"""Members join, share, commit, and go, over gRPC; nodes are killed and come back, and nothing that was committed is lost."""

import sys

from cluster import Member, check, main, share, start_whole, wait_until, whole


def story(api, nodes, arguments):
    groups, addresses, count = api.groups, nodes.api, arguments.nodes
    start_whole(api, nodes, count)
    api.ask(addresses, "CreateTopic", api.admin.CreateTopicRequest(name="events", partitions=6), api.admin_stub)
    for partition in range(6):
        records = [api.log.Record(value=b"%d" % n) for n in range(20)]
        request = api.log.ProduceRequest(topic="events", partition=partition, records=api.log.PlainRecords(records=records))
        api.ask(addresses, "Append", request, api.log_stub)

    check("UNKNOWN_GROUP" in api.refused(addresses, "DescribeGroup", groups.DescribeGroupRequest(group="g")), "no group yet")
    one = Member(api, addresses, "g", ["events"])
    share([one], 6)
    two = Member(api, addresses, "g", ["events"])
    share([one, two], 6)
    check(len(one.owned) == 3, "they share evenly")
    mine, theirs = sorted(one.owned)[0], sorted(two.owned)[0]
    check(one.commit(*mine, 7) is None, "the owner commits")
    check(one.commit(*theirs, 7) is not None, "others do not")
    check(one.commit(*mine, 5) is not None, "nor back")
    check(one.commit(*mine, 21) is not None, "nor past the end")
    check(two.commit(*theirs, 20) is None, "up to the end")

    described = api.ask(addresses, "DescribeGroup", groups.DescribeGroupRequest(group="g"))
    check((described.summary.state, len(described.members)) == ("stable", 2), described)
    check(all(member.connected for member in described.members), "both are connected")
    # What is not committed counts from the start rule; whoever is asked, all leaders answer.
    for address in addresses:
        lag = api.ask([address], "GroupLag", groups.GroupLagRequest(group="g"))
        check((lag.group, lag.state, len(lag.partitions)) == ("g", "stable", 6), lag)
        for partition in lag.partitions:
            place = (partition.topic, partition.partition)
            committed = {mine: 7, theirs: 20}.get(place)
            check(not partition.HasField("error") and partition.end == 20, lag)
            check((partition.committed if partition.HasField("committed") else None) == committed, lag)
            unread = 20 - (committed or 0)
            check(partition.lag_records == unread and (partition.lag_bytes > 0) == (unread > 0), lag)
            check(partition.HasField("lag_seconds") and (partition.lag_seconds > 0) == (unread > 0), lag)
            check(partition.member == (one if place in one.owned else two).id, lag)
    for name in ("f", "h", "e"):
        api.ask(addresses, "CreateGroup", groups.CreateGroupRequest(group=name))
    for address in addresses:
        listed = api.ask([address], "ListGroups", groups.ListGroupsRequest())
        check([group.group for group in listed.groups] == ["e", "f", "g", "h"] and not listed.more and not listed.missing, listed)
        check([(group.state, group.members) for group in listed.groups][1:3] == [("empty", 0), ("stable", 2)], listed)
        listed = api.ask([address], "ListGroups", groups.ListGroupsRequest(after="e", count_max=2))
        check([group.group for group in listed.groups] == ["f", "g"] and listed.more, listed)
    for name in ("f", "h", "e"):
        api.ask(addresses, "DeleteGroup", groups.DeleteGroupRequest(group=name))

    check("FAILED_PRECONDITION" in api.refused(addresses, "DeleteGroup", groups.DeleteGroupRequest(group="g")), "it has members")

    # Every node in its turn, whoever coordinates; members find their way and keep what they had.
    for index in range(count):
        nodes.kill(index)
        if count == 1:
            nodes.start(index)
        before = len(one.ended) + len(two.ended)
        share([one, two], 6)
        moved = sorted(one.owned)[0]
        offset = 8 + index
        wait_until(lambda: one.joined.is_set(), "it is back")
        if moved == mine:
            check(one.commit(*mine, offset) is None, f"it commits after node {index + 1} was killed ({before})")
        if count > 1:
            nodes.start(index)
            wait_until(lambda: whole(api, addresses, count), f"node {index + 1} has caught up")

    two.leave()
    share([one], 6)
    offsets = api.ask(addresses, "FetchOffsets", groups.FetchOffsetsRequest(group="g")).offsets
    held = {(offset.topic, offset.partition): offset.offset for offset in offsets}
    check(held[theirs] == 20 and held[mine] >= 7, held)
    check(one.owned[theirs] == 20, "who takes over is told where to go on")
    one.leave()
    wait_until(lambda: api.ask(addresses, "DescribeGroup", groups.DescribeGroupRequest(group="g")).summary.state == "empty", "all are gone")
    reset = groups.ResetOffsetsRequest(group="g", offsets=[groups.PartitionCommit(topic="events", partition=0, offset=2)])
    check(not api.ask(addresses, "ResetOffsets", reset).offsets[0].HasField("error"), "an empty group is reset")
    api.ask(addresses, "DeleteGroup", groups.DeleteGroupRequest(group="g"))
    check("UNKNOWN_GROUP" in api.refused(addresses, "FetchOffsets", groups.FetchOffsetsRequest(group="g")), "it is deleted")
    for index in range(count):
        nodes.stop(index)


if __name__ == "__main__":
    sys.exit(main(story))
