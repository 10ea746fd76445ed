-- Step 2: segments that are merged, that are damaged, and what retention leaves behind.

-- When a segment was found to be unreadable, and how. Its events are not given to readers and do not count as there already; its batches stay.
ALTER TABLE segment ADD COLUMN damaged INTEGER;
ALTER TABLE segment ADD COLUMN damage TEXT;
