SELECT arrived AS "TimeGenerated", batch.id AS batch, account.uuid AS account, feed, source, first_seq, stored, duplicates, variants,
    quarantined, undated, discarded, expired, root
FROM batch JOIN account ON account.id = batch.account
