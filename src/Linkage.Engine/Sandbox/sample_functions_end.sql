DROP FUNCTION pg_temp.sample_hash, pg_temp.sample_unit, pg_temp.sample_number, pg_temp.sample_uuid, pg_temp.sample_digits,
  pg_temp.sample_phone, pg_temp.sample_name, pg_temp.sample_email, pg_temp.sample_obfuscated;
