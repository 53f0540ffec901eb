// The five codecs of the record batch, with the framings that Kafka's clients use
// (docs/format/record-batch.md): gzip = RFC 1952, snappy = xerial blocks (raw snappy is read too), lz4 =
// frame format, zstd = zstd frames. Thread rules: any thread; the libraries' working memory is kept per
// thread and reused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/shared_bytes.h"

namespace forebay::model {

// Numbers are bits 0-2 of a batch's attributes.
enum class Codec : std::uint8_t { kNone = 0, kGzip = 1, kSnappy = 2, kLz4 = 3, kZstd = 4 };
inline constexpr Codec kCodecs[] = {Codec::kNone, Codec::kGzip, Codec::kSnappy, Codec::kLz4, Codec::kZstd};

// The names of the topic setting compression.type: none gzip snappy lz4 zstd.
[[nodiscard]] std::string_view codec_name(Codec codec);
[[nodiscard]] std::optional<Codec> codec_of_name(std::string_view name);
// Nothing for the numbers that name no codec (5, 6, 7).
[[nodiscard]] std::optional<Codec> codec_of_number(unsigned number);

// Appends the compressed form of `in` to `out`.
// Errors: kInternal (the library refused; `out` is as it was).
[[nodiscard]] Result<void> compress(Codec codec, ByteSpan in, std::vector<std::byte>& out);

// Replaces `out` by the decompressed form of `in`, never growing it past `size_bytes_max`: sizes that the
// input claims are not believed beyond that. On an error the content of `out` means nothing. Errors:
// kCorruptBatch (not this codec's format, truncated, or bytes after its end),
//         kRecordTooLarge (more than size_bytes_max).
[[nodiscard]] Result<void> decompress(Codec codec, ByteSpan in, std::size_t size_bytes_max,
                                      std::vector<std::byte>& out);

}  // namespace forebay::model
