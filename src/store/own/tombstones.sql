SELECT at AS "TimeGenerated", id, policy, who, feed, tombstone_feed.events AS events, first, last, variants, quarantined, first_batch,
    last_batch, note
FROM tombstone LEFT JOIN tombstone_feed ON tombstone = id
