// A slow and obvious writer of record batches, to compare the real one with; and random records.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "base/crc32c.h"
#include "model/record.h"
#include "model/record_batch.h"

namespace forebay::model::test {

using Bytes = std::vector<std::byte>;

inline void put_be(Bytes& out, std::uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<std::byte>(value >> (8 * i)));
}
inline void put_signed(Bytes& out, std::int64_t value) {
  std::uint64_t rest =
      value < 0 ? (static_cast<std::uint64_t>(-(value + 1)) * 2 + 1) : static_cast<std::uint64_t>(value) * 2;
  do {
    const std::uint64_t group = rest % 128;
    rest /= 128;
    out.push_back(static_cast<std::byte>(group + (rest > 0 ? 128 : 0)));
  } while (rest > 0);
}
inline void put_text(Bytes& out, const std::string& text) {
  put_signed(out, static_cast<std::int64_t>(text.size()));
  for (const char c : text) out.push_back(static_cast<std::byte>(c));
}
inline void put_nullable(Bytes& out, const std::optional<std::string>& text) {
  if (text)
    put_text(out, *text);
  else
    put_signed(out, -1);
}

inline void naive_record(Bytes& out, const Record& record, std::int64_t timestamp_delta,
                         std::int64_t offset_delta) {
  Bytes body;
  body.push_back(std::byte{0});
  put_signed(body, timestamp_delta);
  put_signed(body, offset_delta);
  put_nullable(body, record.key);
  put_nullable(body, record.value);
  put_signed(body, static_cast<std::int64_t>(record.headers.size()));
  for (const auto& header : record.headers) {
    put_text(body, header.name);
    put_nullable(body, header.value);
  }
  put_signed(out, static_cast<std::int64_t>(body.size()));
  out.insert(out.end(), body.begin(), body.end());
}

// The header (length and CRC computed here) and whatever is said to be the records.
inline Bytes naive_batch(const BatchHeader& h, const Bytes& records) {
  Bytes covered;
  put_be(covered, h.attributes.bits, 2);
  put_be(covered, static_cast<std::uint32_t>(h.last_offset_delta), 4);
  put_be(covered, static_cast<std::uint64_t>(h.base_timestamp.value()), 8);
  put_be(covered, static_cast<std::uint64_t>(h.max_timestamp.value()), 8);
  put_be(covered, static_cast<std::uint64_t>(h.producer_id.value()), 8);
  put_be(covered, static_cast<std::uint16_t>(h.producer_epoch.value()), 2);
  put_be(covered, static_cast<std::uint32_t>(h.base_sequence), 4);
  put_be(covered, static_cast<std::uint32_t>(h.record_count), 4);
  covered.insert(covered.end(), records.begin(), records.end());
  Bytes out;
  put_be(out, static_cast<std::uint64_t>(h.base_offset.value()), 8);
  put_be(out, 4 + 1 + 4 + covered.size(), 4);
  put_be(out, static_cast<std::uint32_t>(h.leader_epoch), 4);
  put_be(out, h.magic, 1);
  put_be(out, crc32c(covered), 4);
  out.insert(out.end(), covered.begin(), covered.end());
  return out;
}

inline BatchHeader header_for(const std::vector<Record>& records) {
  BatchHeader header;
  header.record_count = static_cast<std::int32_t>(records.size());
  header.last_offset_delta = header.record_count - 1;
  header.base_timestamp = records.front().timestamp;
  header.max_timestamp = records.front().timestamp;
  for (const auto& record : records) header.max_timestamp = std::max(header.max_timestamp, record.timestamp);
  return header;
}
inline Bytes naive_records(const std::vector<Record>& records) {
  Bytes out;
  for (std::size_t i = 0; i < records.size(); ++i) {
    naive_record(out, records[i], records[i].timestamp.value() - records.front().timestamp.value(),
                 static_cast<std::int64_t>(i));
  }
  return out;
}

using Rng = std::mt19937_64;

inline std::string random_text(Rng& rng, std::size_t size_max) {
  std::string text(rng() % (size_max + 1), ' ');
  const bool noise = rng() % 2 == 0;
  for (char& c : text) c = noise ? static_cast<char>(rng()) : static_cast<char>('a' + rng() % 4);
  return text;
}
inline std::optional<std::string> random_nullable(Rng& rng, std::size_t size_max) {
  if (rng() % 5 == 0) return std::nullopt;
  return random_text(rng, size_max);
}
inline Record random_record(Rng& rng, std::size_t value_bytes_max) {
  Record record{random_nullable(rng, 40),
                random_nullable(rng, value_bytes_max),
                {},
                Timestamp(1'700'000'000'000 + static_cast<std::int64_t>(rng() % 100'000) - 50'000)};
  if (rng() % 3 == 0) {
    for (std::size_t i = rng() % 5; i > 0; --i)
      record.headers.push_back({random_text(rng, 20), random_nullable(rng, 30)});
  }
  return record;
}
inline std::vector<Record> random_records(Rng& rng, std::size_t count, std::size_t value_bytes_max) {
  std::vector<Record> records;
  for (std::size_t i = 0; i < count; ++i) records.push_back(random_record(rng, value_bytes_max));
  return records;
}

}  // namespace forebay::model::test
