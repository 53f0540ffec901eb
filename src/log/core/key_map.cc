#include "log/core/key_map.h"

#include <bit>

#include "base/endian.h"

namespace forebay::log {
namespace {

constexpr std::size_t kFirstSlots = 1024;

struct SipState {
  std::uint64_t v0, v1, v2, v3;
  void round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void add(std::uint64_t word) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
};

}  // namespace

// J.-P. Aumasson, D. J. Bernstein: "SipHash: a fast short-input PRF", 2012.
std::uint64_t siphash24(std::uint64_t k0, std::uint64_t k1, ByteSpan bytes) {
  SipState state{k0 ^ 0x736f6d6570736575ULL, k1 ^ 0x646f72616e646f6dULL, k0 ^ 0x6c7967656e657261ULL,
                 k1 ^ 0x7465646279746573ULL};
  const std::size_t whole = bytes.size() / 8 * 8;
  for (std::size_t i = 0; i < whole; i += 8) state.add(load_le<std::uint64_t>(bytes.data() + i));
  std::uint64_t last = static_cast<std::uint64_t>(bytes.size() & 0xff) << 56;
  for (std::size_t i = whole; i < bytes.size(); ++i) {
    last |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * (i - whole));
  }
  state.add(last);
  state.v2 ^= 0xff;
  for (int i = 0; i < 4; ++i) state.round();
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

KeyHash KeyHasher::hash(ByteSpan key) const {
  return {siphash24(seed_[0], seed_[1], key), siphash24(seed_[2], seed_[3], key)};
}

KeyMap::KeyMap(std::size_t bytes_max)
    // While it grows the old half is there too.
    : slots_max_(std::bit_floor(std::max<std::size_t>(bytes_max * 2 / 3 / sizeof(Slot), 16))) {
  slots_.resize(std::min(kFirstSlots, slots_max_));
}

void KeyMap::clear() {
  slots_.assign(std::min(kFirstSlots, slots_max_), Slot{});
  slots_.shrink_to_fit();
  size_ = 0;
}

// The slot of the key, or the free one where it belongs.
std::size_t KeyMap::place(const KeyHash& key) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = static_cast<std::size_t>(key.low) & mask;
  while (slots_[at].offset >= 0 && slots_[at].key != key) at = (at + 1) & mask;
  return at;
}

bool KeyMap::grow() {
  if (slots_.size() * 2 > slots_max_) return false;
  std::vector<Slot> old = std::move(slots_);
  slots_.assign(old.size() * 2, Slot{});
  for (const Slot& slot : old) {
    if (slot.offset >= 0) slots_[place(slot.key)] = slot;
  }
  return true;
}

bool KeyMap::put(const KeyHash& key, model::Offset offset) {
  std::size_t at = place(key);
  if (slots_[at].offset >= 0) {
    slots_[at].offset = std::max(slots_[at].offset, offset.value());
    return true;
  }
  if ((size_ + 1) * 4 > slots_.size() * 3) {
    if (!grow()) return false;
    at = place(key);
  }
  slots_[at] = {key, offset.value()};
  ++size_;
  return true;
}

std::optional<model::Offset> KeyMap::find(const KeyHash& key) const {
  const Slot& slot = slots_[place(key)];
  if (slot.offset < 0) return std::nullopt;
  return model::Offset(slot.offset);
}

}  // namespace forebay::log
