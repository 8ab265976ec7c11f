      -- From any text to what was written of a number, the same in normalize_phone and phone_extension: number is in the characters
      -- that a phone number is made of, in lower case, from the first digit or plus sign on, and stripped is that without an
      -- extension. What can be no number ends the function with NULL.
      number := phone;
      IF pg_catalog.textregexeq(number, '[^ -~]') THEN
        number := pg_catalog.translate(number, {{phone_characters}}, {{phone_meanings}});
      END IF;

      position := pg_catalog.strpos(number, ';phone-context=');
      IF pg_catalog.int4gt(position, 0) THEN
        -- RFC 3966: the context is a prefix to dial or a domain, which says nothing.
        context := pg_catalog.split_part(pg_catalog.substr(number, pg_catalog.int4pl(position, 15)), ';', 1);
        IF pg_catalog.textregexne(context, '^[+][().0-9-]*[0-9][().0-9-]*$')
          AND pg_catalog.textregexne(context,
            '^([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?[.])*[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?[.]?$')
        THEN
          RETURN NULL;
        END IF;
        number := pg_catalog.left(number, pg_catalog.int4mi(position, 1));
        position := pg_catalog.strpos(number, 'tel:');
        number := pg_catalog.concat(
          CASE WHEN pg_catalog.starts_with(context, '+') THEN context END,
          CASE WHEN pg_catalog.int4gt(position, 0) THEN pg_catalog.substr(number, pg_catalog.int4pl(position, 4)) ELSE number END);
      ELSE
        number := pg_catalog.substring(number, '[+0-9].*');
        number := pg_catalog.regexp_replace(number, E'[\u0001-"$-/:-@[-`{-\u007F{{trailing_signs}}]+$', '');
        -- A second number behind a slash is another one.
        number := pg_catalog.regexp_replace(number, E'[/\\\\] *x.*$', '');
      END IF;
      position := pg_catalog.strpos(number, ';isub=');
      IF pg_catalog.int4gt(position, 1) THEN
        number := pg_catalog.left(number, pg_catalog.int4mi(position, 1));
      END IF;

      -- Letters and signs are an extension (RFC 3966; a word; a sign; "- 503#"; what phones dial after a pause), a word to dial if
      -- they are three or more letters, or spoil the number.
      number := pg_catalog.lower(number);
      stripped := number;
      IF pg_catalog.textregexne(number, '^[+]*[][ ().0-9/*-]*$') THEN
        stripped := pg_catalog.regexp_replace(number, E'(;ext=[0-9]{1,20}'
          '|[ ,]*(e?xt(ensi(o\u0301?|\u00F3|\u00D3))?n?|[\u0434\u0414][\u043E\u041E][\u0431\u0411]|anexo)[:.]?[ ,-]*[0-9]{1,20}#?'
          '|[ ,]*([x#~]|int)[:.]?[ ,-]*[0-9]{1,9}#?'
          '|[- ]+[0-9]{1,6}#'
          '| *(,,|;)[:.]?[ ,-]*[0-9]{1,15}#?'
          '| *,+[:.]?[ ,-]*[0-9]{1,9}#?)$', '');
        IF pg_catalog.textregexne(stripped, '^([0-9][0-9]|[+]*([][x ().~/*-]*[0-9]){3}[][x ().~/*a-z0-9-]*)$') THEN
          IF pg_catalog.textregexne(number, '^([0-9][0-9]|[+]*([][x ().~/*-]*[0-9]){3}[][x ().~/*a-z0-9-]*)$') THEN
            RETURN NULL;
          END IF;
          stripped := number;
        END IF;
      END IF;
