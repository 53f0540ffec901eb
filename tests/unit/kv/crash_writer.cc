// Usage: kv_crash_writer DIRECTORY DURABLE_EVERY. Writes numbered batches for ever, every DURABLE_EVERY-th
// durable, and prints the number of each once it is written. Batch n puts n under "a", "b" and "n/<n>".
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "kv/rocksdb_store.h"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const auto store = forebay::kv::open_rocksdb_store(argv[1]);
  if (!store) return 1;
  const int durable_every = std::atoi(argv[2]);
  for (int n = 1;; ++n) {
    forebay::kv::WriteBatch batch;
    batch.put("a", std::to_string(n));
    batch.put("n/" + std::to_string(n), std::string(200, 'v'));
    batch.put("b", std::to_string(n));
    const bool durable = n % durable_every == 0;
    const auto durability = durable ? forebay::kv::Durability::kDurable : forebay::kv::Durability::kBuffered;
    if (!(*store)->write(batch, durability)) return 1;
    const std::string line = std::to_string(n) + "\n";
    if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) return 1;
  }
}
