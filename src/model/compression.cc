#include "model/compression.h"

#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <memory>
#include <string>

#include "base/assert.h"
#include "base/endian.h"

namespace forebay::model {
namespace {

using Bytes = std::vector<std::byte>;

// Where the output size is unknown, the first guess; then the buffer grows by this factor up to the caller's
// bound.
constexpr std::size_t kFirstOutputBytes = 16 << 10;
constexpr std::size_t kOutputPerInput = 4;
constexpr std::size_t kGrowth = 2;

Error corrupt(Codec codec, std::string_view what) {
  return Error{ErrorCode::kCorruptBatch, std::string(codec_name(codec)) + " data: " + std::string(what)};
}
Error over_bound(Codec codec, std::size_t size_bytes_max) {
  return Error{ErrorCode::kRecordTooLarge, std::string(codec_name(codec)) +
                                               " data decompresses to more than the " +
                                               std::to_string(size_bytes_max) + " bytes allowed"};
}
Error refused(Codec codec, std::string_view what) {
  return Error{ErrorCode::kInternal, std::string(codec_name(codec)) + " compression: " + std::string(what)};
}

std::size_t first_output_size(std::size_t input_bytes, std::size_t size_bytes_max) {
  return std::min(size_bytes_max, std::max(kFirstOutputBytes, input_bytes * kOutputPerInput));
}
// Resizes as resize() does, but the capacity stays within the bound too. Requires: size <= size_bytes_max.
void resize_within(Bytes& out, std::size_t size, std::size_t size_bytes_max) {
  if (size > out.capacity()) out.reserve(std::min(size_bytes_max, std::max(size, out.capacity() * kGrowth)));
  out.resize(size);
}
// Returns: false when `out` has its largest size already.
bool grow(Bytes& out, std::size_t size_bytes_max) {
  if (out.size() >= size_bytes_max) return false;
  resize_within(out, std::min(size_bytes_max, std::max(kFirstOutputBytes, out.size() * kGrowth)),
                size_bytes_max);
  return true;
}

// ---- gzip ----

constexpr int kGzipWindowBits = 15 + 16;  // zlib: 16 more means the gzip wrapper
constexpr int kGzipMemoryLevel = 8;       // zlib's default

class Deflater {
 public:
  Deflater() {
    ok_ = deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindowBits, kGzipMemoryLevel,
                       Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~Deflater() {
    if (ok_) deflateEnd(&stream_);
  }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;
  z_stream* fresh() { return ok_ && deflateReset(&stream_) == Z_OK ? &stream_ : nullptr; }

 private:
  z_stream stream_{};
  bool ok_ = false;
};

class Inflater {
 public:
  Inflater() { ok_ = inflateInit2(&stream_, kGzipWindowBits) == Z_OK; }
  ~Inflater() {
    if (ok_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  z_stream* fresh() { return ok_ && inflateReset(&stream_) == Z_OK ? &stream_ : nullptr; }

 private:
  z_stream stream_{};
  bool ok_ = false;
};

// zlib counts in 32 bits and takes its input as non-const; batches are below 2 GiB by their own length field.
Bytef* zlib_pointer(const std::byte* data) {
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(data));
}
uInt zlib_size(std::size_t size) {
  return static_cast<uInt>(std::min<std::size_t>(size, std::numeric_limits<uInt>::max()));
}

Result<void> gzip_compress(ByteSpan in, Bytes& out) {
  thread_local Deflater deflater;
  z_stream* stream = deflater.fresh();
  const std::size_t begin = out.size();
  if (stream == nullptr || in.size() > std::numeric_limits<uInt>::max() / 2)
    return refused(Codec::kGzip, "refused");
  out.resize(begin + deflateBound(stream, static_cast<uLong>(in.size())));
  stream->next_in = zlib_pointer(in.data());
  stream->avail_in = zlib_size(in.size());
  stream->next_out = zlib_pointer(out.data() + begin);
  stream->avail_out = zlib_size(out.size() - begin);
  const int code = deflate(stream, Z_FINISH);
  out.resize(code == Z_STREAM_END ? begin + stream->total_out : begin);
  if (code != Z_STREAM_END) return refused(Codec::kGzip, "deflate failed");
  return {};
}

Result<void> gzip_decompress(ByteSpan in, std::size_t size_bytes_max, Bytes& out) {
  thread_local Inflater inflater;
  z_stream* stream = inflater.fresh();
  if (stream == nullptr) return refused(Codec::kGzip, "no memory");
  if (in.size() > std::numeric_limits<uInt>::max())
    return corrupt(Codec::kGzip, "longer than a batch can be");
  out.resize(first_output_size(in.size(), size_bytes_max));
  std::size_t written = 0;
  stream->next_in = zlib_pointer(in.data());
  stream->avail_in = zlib_size(in.size());
  std::byte beyond{};  // where output goes that must not come: tells "exactly full" from "too much"
  while (true) {
    const bool full = written == out.size() && !grow(out, size_bytes_max);
    const std::size_t room = full ? 1 : out.size() - written;
    stream->next_out = zlib_pointer(full ? &beyond : out.data() + written);
    stream->avail_out = zlib_size(room);
    const int code = inflate(stream, Z_NO_FLUSH);
    const std::size_t produced = zlib_size(room) - stream->avail_out;
    if (full && produced > 0) return over_bound(Codec::kGzip, size_bytes_max);
    written += produced;
    if (code == Z_STREAM_END) {
      if (stream->avail_in == 0) break;
      // RFC 1952 2.2: a file is a series of members.
      if (inflateReset(stream) != Z_OK) return refused(Codec::kGzip, "reset failed");
      continue;
    }
    if (code == Z_MEM_ERROR) return refused(Codec::kGzip, "no memory");
    if (code != Z_OK && code != Z_BUF_ERROR) {
      return corrupt(Codec::kGzip, stream->msg != nullptr ? stream->msg : "invalid");
    }
    if (stream->avail_in == 0 && stream->avail_out > 0) return corrupt(Codec::kGzip, "truncated");
  }
  out.resize(written);
  return {};
}

// ---- snappy ----

constexpr std::array<unsigned char, 8> kXerialMagic{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};
constexpr std::int32_t kXerialVersion = 1;
constexpr std::size_t kXerialHeaderBytes = 16;
constexpr std::size_t kXerialBlockBytes = 32 << 10;  // what the Java library writes
// No snappy element makes more than 64 bytes out of less than 3: a longer claim is a lie, refused before
// allocating.
constexpr std::size_t kSnappyRatioMax = 22;

const char* chars(const std::byte* data) { return reinterpret_cast<const char*>(data); }
char* chars(std::byte* data) { return reinterpret_cast<char*>(data); }

Result<void> snappy_compress(ByteSpan in, Bytes& out) {
  std::size_t at = out.size();
  const std::size_t block_bytes_max = 4 + snappy::MaxCompressedLength(kXerialBlockBytes);
  const std::size_t block_count = (in.size() + kXerialBlockBytes - 1) / kXerialBlockBytes;
  out.resize(at + kXerialHeaderBytes + std::max<std::size_t>(block_count, 1) * block_bytes_max);
  std::memcpy(out.data() + at, kXerialMagic.data(), kXerialMagic.size());
  store_be(out.data() + at + 8, kXerialVersion);
  store_be(out.data() + at + 12, kXerialVersion);  // the oldest version that can read it
  at += kXerialHeaderBytes;
  for (std::size_t begin = 0; begin < in.size(); begin += kXerialBlockBytes) {
    const std::size_t size = std::min(kXerialBlockBytes, in.size() - begin);
    std::size_t compressed = 0;
    snappy::RawCompress(chars(in.data() + begin), size, chars(out.data() + at + 4), &compressed);
    store_be(out.data() + at, static_cast<std::int32_t>(compressed));
    at += 4 + compressed;
  }
  out.resize(at);
  return {};
}

// Appends one raw snappy block to `out`.
Result<void> snappy_block(ByteSpan in, std::size_t size_bytes_max, Bytes& out) {
  std::size_t size = 0;
  if (!snappy::GetUncompressedLength(chars(in.data()), in.size(), &size)) {
    return corrupt(Codec::kSnappy, "no length at the start of a block");
  }
  if (size > size_bytes_max - out.size()) return over_bound(Codec::kSnappy, size_bytes_max);
  if (size > in.size() * kSnappyRatioMax)
    return corrupt(Codec::kSnappy, "a block claims more than it can hold");
  const std::size_t begin = out.size();
  resize_within(out, begin + size, size_bytes_max);
  if (!snappy::RawUncompress(chars(in.data()), in.size(), chars(out.data() + begin))) {
    return corrupt(Codec::kSnappy, "invalid block");
  }
  return {};
}

Result<void> snappy_decompress(ByteSpan in, std::size_t size_bytes_max, Bytes& out) {
  out.clear();
  const bool xerial = in.size() >= kXerialMagic.size() &&
                      std::memcmp(in.data(), kXerialMagic.data(), kXerialMagic.size()) == 0;
  if (!xerial) return snappy_block(in, size_bytes_max, out);
  if (in.size() < kXerialHeaderBytes) return corrupt(Codec::kSnappy, "xerial header is cut");
  if (load_be<std::int32_t>(in.data() + 12) > kXerialVersion) {
    return corrupt(Codec::kSnappy, "xerial version is newer than 1");
  }
  ByteSpan rest = in.subspan(kXerialHeaderBytes);
  while (!rest.empty()) {
    if (rest.size() < 4) return corrupt(Codec::kSnappy, "xerial block length is cut");
    const auto size = load_be<std::uint32_t>(rest.data());
    if (size > rest.size() - 4) return corrupt(Codec::kSnappy, "xerial block is longer than the data");
    FOREBAY_CHECK(snappy_block(rest.subspan(4, size), size_bytes_max, out));
    rest = rest.subspan(4 + size);
  }
  return {};
}

// ---- lz4 ----

struct FreeLz4 {
  void operator()(LZ4F_dctx* context) const { LZ4F_freeDecompressionContext(context); }
};

LZ4F_preferences_t lz4_preferences() {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.blockSizeID = LZ4F_max64KB;
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;  // Java refuses blocks that depend on earlier ones
  return preferences;
}

Result<void> lz4_compress(ByteSpan in, Bytes& out) {
  const LZ4F_preferences_t preferences = lz4_preferences();
  const std::size_t begin = out.size();
  out.resize(begin + LZ4F_compressFrameBound(in.size(), &preferences));
  const std::size_t size =
      LZ4F_compressFrame(out.data() + begin, out.size() - begin, in.data(), in.size(), &preferences);
  out.resize(LZ4F_isError(size) != 0 ? begin : begin + size);
  if (LZ4F_isError(size) != 0) return refused(Codec::kLz4, LZ4F_getErrorName(size));
  return {};
}

Result<void> lz4_decompress(ByteSpan in, std::size_t size_bytes_max, Bytes& out) {
  thread_local const std::unique_ptr<LZ4F_dctx, FreeLz4> context = [] {
    LZ4F_dctx* made = nullptr;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&made, LZ4F_VERSION)) != 0) made = nullptr;
    return std::unique_ptr<LZ4F_dctx, FreeLz4>(made);
  }();
  if (context == nullptr) return refused(Codec::kLz4, "no memory");
  LZ4F_resetDecompressionContext(context.get());
  out.resize(first_output_size(in.size(), size_bytes_max));
  std::size_t written = 0;
  std::byte beyond{};
  while (true) {
    const bool full = written == out.size() && !grow(out, size_bytes_max);
    std::size_t produced = full ? 1 : out.size() - written;
    std::size_t consumed = in.size();
    const std::size_t room = produced;
    const std::size_t hint = LZ4F_decompress(context.get(), full ? &beyond : out.data() + written, &produced,
                                             in.data(), &consumed, nullptr);
    if (LZ4F_isError(hint) != 0) return corrupt(Codec::kLz4, LZ4F_getErrorName(hint));
    if (full && produced > 0) return over_bound(Codec::kLz4, size_bytes_max);
    written += produced;
    in = in.subspan(consumed);
    if (hint == 0) break;
    if (in.empty() && produced < room) return corrupt(Codec::kLz4, "truncated");
  }
  // Kafka's Java reader stops silently at the end of the first frame: what follows would be lost there.
  if (!in.empty()) return corrupt(Codec::kLz4, "bytes after the end of the frame");
  out.resize(written);
  return {};
}

// ---- zstd ----

struct FreeZstd {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};
// How far a content size in the frame header is believed before anything is decoded.
constexpr std::size_t kZstdTrustedBytes = 1 << 20;
constexpr std::size_t kZstdTrustedRatio = 64;

Result<void> zstd_compress(ByteSpan in, Bytes& out) {
  thread_local const std::unique_ptr<ZSTD_CCtx, FreeZstd> context(ZSTD_createCCtx());
  if (context == nullptr) return refused(Codec::kZstd, "no memory");
  const std::size_t begin = out.size();
  out.resize(begin + ZSTD_compressBound(in.size()));
  const std::size_t size = ZSTD_compressCCtx(context.get(), out.data() + begin, out.size() - begin, in.data(),
                                             in.size(), ZSTD_CLEVEL_DEFAULT);
  out.resize(ZSTD_isError(size) != 0 ? begin : begin + size);
  if (ZSTD_isError(size) != 0) return refused(Codec::kZstd, ZSTD_getErrorName(size));
  return {};
}

// One call into a buffer of the final size: no window memory is allocated, so nothing but `out` can be made
// to grow. When the buffer proves too small, it is decoded again into a larger one.
Result<void> zstd_decompress(ByteSpan in, std::size_t size_bytes_max, Bytes& out) {
  thread_local const std::unique_ptr<ZSTD_DCtx, FreeZstd> context(ZSTD_createDCtx());
  if (context == nullptr) return refused(Codec::kZstd, "no memory");
  const unsigned long long claimed = ZSTD_getFrameContentSize(in.data(), in.size());
  if (claimed == ZSTD_CONTENTSIZE_ERROR) return corrupt(Codec::kZstd, "no frame");
  if (claimed == ZSTD_CONTENTSIZE_UNKNOWN) {
    out.resize(first_output_size(in.size(), size_bytes_max));
  } else {
    if (claimed > size_bytes_max) return over_bound(Codec::kZstd, size_bytes_max);
    out.resize(std::min(static_cast<std::size_t>(claimed),
                        std::max(kZstdTrustedBytes, in.size() * kZstdTrustedRatio)));
  }
  while (true) {
    const std::size_t size = ZSTD_decompressDCtx(context.get(), out.data(), out.size(), in.data(), in.size());
    if (ZSTD_isError(size) == 0) {
      out.resize(size);
      return {};
    }
    if (ZSTD_getErrorCode(size) != ZSTD_error_dstSize_tooSmall)
      return corrupt(Codec::kZstd, ZSTD_getErrorName(size));
    if (!grow(out, size_bytes_max)) return over_bound(Codec::kZstd, size_bytes_max);
  }
}

}  // namespace

std::string_view codec_name(Codec codec) {
  switch (codec) {
    case Codec::kNone:
      return "none";
    case Codec::kGzip:
      return "gzip";
    case Codec::kSnappy:
      return "snappy";
    case Codec::kLz4:
      return "lz4";
    case Codec::kZstd:
      return "zstd";
  }
  return "unknown";
}

std::optional<Codec> codec_of_name(std::string_view name) {
  for (const Codec codec : kCodecs) {
    if (codec_name(codec) == name) return codec;
  }
  return std::nullopt;
}

std::optional<Codec> codec_of_number(unsigned number) {
  if (number > static_cast<unsigned>(Codec::kZstd)) return std::nullopt;
  return static_cast<Codec>(number);
}

Result<void> compress(Codec codec, ByteSpan in, std::vector<std::byte>& out) {
  switch (codec) {
    case Codec::kNone:
      out.insert(out.end(), in.begin(), in.end());
      return {};
    case Codec::kGzip:
      return gzip_compress(in, out);
    case Codec::kSnappy:
      return snappy_compress(in, out);
    case Codec::kLz4:
      return lz4_compress(in, out);
    case Codec::kZstd:
      return zstd_compress(in, out);
  }
  return Error{ErrorCode::kUnsupported, "unknown codec"};
}

Result<void> decompress(Codec codec, ByteSpan in, std::size_t size_bytes_max, std::vector<std::byte>& out) {
  switch (codec) {
    case Codec::kNone:
      if (in.size() > size_bytes_max) return over_bound(codec, size_bytes_max);
      out.assign(in.begin(), in.end());
      return {};
    case Codec::kGzip:
      return gzip_decompress(in, size_bytes_max, out);
    case Codec::kSnappy:
      return snappy_decompress(in, size_bytes_max, out);
    case Codec::kLz4:
      return lz4_decompress(in, size_bytes_max, out);
    case Codec::kZstd:
      return zstd_decompress(in, size_bytes_max, out);
  }
  return Error{ErrorCode::kUnsupported, "unknown codec"};
}

}  // namespace forebay::model
