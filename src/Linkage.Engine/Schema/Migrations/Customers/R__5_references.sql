-- What is registered refers to customers, with a foreign key or without.
CREATE OR REPLACE VIEW linkage.known_reference AS
SELECT
  to_regclass(t.relation) AS relation, ARRAY[t.columns ->> 'customer'] AS columns,
  to_regclass(c.relation) AS target, ARRAY[c.columns ->> 'key'] AS target_columns
FROM linkage.customer_table c
JOIN linkage.customer_table t ON t.role IN ('lead', 'address', 'follower')
WHERE c.role = 'customer' AND to_regclass(t.relation) IS NOT NULL;
