// What every io::FileSystem must do; the simulated one is a fake that keeps this contract.
#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <vector>

#include "contract_environment.h"

namespace forebay::io {

namespace {

class FileSystemContract : public ::testing::TestWithParam<ContractCase> {
 protected:
  void SetUp() override {
    environment_ = GetParam().make();
    if (environment_ == nullptr) GTEST_SKIP() << "this machine refuses " << GetParam().name;
    root_ = environment_->root();
  }
  FileSystem& fs() { return environment_->file_system(); }
  std::string path(const std::string& name) const { return root_ + "/" + name; }

  std::unique_ptr<File> create(const std::string& name, Caching caching = Caching::kDirect) {
    auto file = fs().open(path(name), OpenMode::kCreate, caching);
    EXPECT_TRUE(file.has_value()) << file.error().to_string();
    return std::move(file).value();
  }
  Result<void> write(File& file, std::uint64_t offset, ByteSpan bytes, WriteMode mode) {
    Result<void> result = Error{};
    environment_->run([&](auto finished) {
      file.write(offset, bytes, mode, [&result, finished](Result<void> r) {
        result = std::move(r);
        finished();
      });
    });
    return result;
  }
  Result<std::size_t> read(File& file, std::uint64_t offset, std::span<std::byte> into) {
    Result<std::size_t> result;
    environment_->run([&](auto finished) {
      file.read(offset, into, [&result, finished](Result<std::size_t> r) {
        result = std::move(r);
        finished();
      });
    });
    return result;
  }
  Result<void> sync(File& file) {
    Result<void> result = Error{};
    environment_->run([&](auto finished) {
      file.sync([&result, finished](Result<void> r) {
        result = std::move(r);
        finished();
      });
    });
    return result;
  }

  std::unique_ptr<ContractEnvironment> environment_;
  std::string root_;
};

AlignedBuffer filled(std::size_t bytes, unsigned seed) {
  AlignedBuffer buffer(bytes);
  for (std::size_t i = 0; i < buffer.size(); ++i) {
    buffer.data()[i] = static_cast<std::byte>((i * 131 + i / 4096 + seed) & 0xff);
  }
  return buffer;
}

bool same(ByteSpan a, ByteSpan b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

bool all_zero(ByteSpan bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

TEST_P(FileSystemContract, MissingFileIsNotFoundAndTheErrorSaysWhere) {
  const auto file = fs().open(path("absent"), OpenMode::kRead, Caching::kBuffered);
  ASSERT_FALSE(file.has_value());
  EXPECT_EQ(file.error().code, ErrorCode::kNotFound);
  EXPECT_NE(file.error().context.find(path("absent")), std::string::npos) << file.error().context;
  EXPECT_NE(file.error().context.find("open"), std::string::npos) << file.error().context;
}

TEST_P(FileSystemContract, CreateRefusesAnExistingFile) {
  create("a");
  const auto again = fs().open(path("a"), OpenMode::kCreate, Caching::kBuffered);
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().code, ErrorCode::kStorageFailed);
}

TEST_P(FileSystemContract, CreateNeedsTheDirectory) {
  const auto file = fs().open(path("no/such/file"), OpenMode::kCreate, Caching::kBuffered);
  ASSERT_FALSE(file.has_value());
  EXPECT_EQ(file.error().code, ErrorCode::kNotFound);
}

TEST_P(FileSystemContract, WritesInEveryModeAreReadBack) {
  for (const Caching caching : {Caching::kDirect, Caching::kBuffered}) {
    for (const WriteMode mode : {WriteMode::kPlain, WriteMode::kDurable}) {
      const std::string name = "f" + std::to_string(static_cast<int>(caching) * 2 + static_cast<int>(mode));
      const auto file = create(name, caching);
      const AlignedBuffer data = filled(64 * 1024, 7);
      ASSERT_TRUE(write(*file, 0, data.span(), mode));
      ASSERT_TRUE(write(*file, 64 * 1024, data.span().first(kBlockBytes), mode));
      ASSERT_TRUE(sync(*file));
      AlignedBuffer back(64 * 1024 + kBlockBytes);
      const auto got = read(*file, 0, back.span());
      ASSERT_TRUE(got) << got.error().to_string();
      EXPECT_EQ(*got, back.size());
      EXPECT_TRUE(same(back.span().first(64 * 1024), data.span()));
      EXPECT_TRUE(same(back.span().subspan(64 * 1024), data.span().first(kBlockBytes)));
      EXPECT_EQ(file->size().value(), back.size());
    }
  }
}

TEST_P(FileSystemContract, BufferedTransfersNeedNoAlignment) {
  const auto file = create("a", Caching::kBuffered);
  ASSERT_TRUE(write(*file, 3, as_bytes("hello"), WriteMode::kDurable));
  std::string back(8, 'x');
  const auto got = read(*file, 0, std::as_writable_bytes(std::span(back)));
  ASSERT_TRUE(got);
  EXPECT_EQ(*got, 8U);
  EXPECT_EQ(back, std::string("\0\0\0hello", 8));
}

TEST_P(FileSystemContract, ReadingAtTheEndGivesFewerBytes) {
  const auto file = create("a");
  const AlignedBuffer data = filled(2 * kBlockBytes, 1);
  ASSERT_TRUE(write(*file, 0, data.span(), WriteMode::kPlain));
  AlignedBuffer back(4 * kBlockBytes);
  EXPECT_EQ(read(*file, kBlockBytes, back.span()).value(), kBlockBytes);
  EXPECT_EQ(read(*file, 2 * kBlockBytes, back.span()).value(), 0U);
  EXPECT_EQ(file->read_now(kBlockBytes, back.span()).value(), kBlockBytes);
  EXPECT_EQ(file->read_now(16 * kBlockBytes, back.span()).value(), 0U);
}

TEST_P(FileSystemContract, BlockingAndAsynchronousCallsSeeTheSameFile) {
  const auto file = create("a");
  const AlignedBuffer data = filled(8 * kBlockBytes, 3);
  ASSERT_TRUE(file->write_now(kBlockBytes, data.span()));
  ASSERT_TRUE(file->sync_now());
  AlignedBuffer back(9 * kBlockBytes);
  ASSERT_EQ(read(*file, 0, back.span()).value(), back.size());
  EXPECT_TRUE(all_zero(back.span().first(kBlockBytes)));
  EXPECT_TRUE(same(back.span().subspan(kBlockBytes), data.span()));
}

TEST_P(FileSystemContract, CompletionNeverRunsInsideTheCall) {
  const auto file = create("a");
  const AlignedBuffer data = filled(kBlockBytes, 3);
  AlignedBuffer back(kBlockBytes);
  bool inside = false;
  int early = 0;
  environment_->run([&](auto finished) {
    inside = true;
    file->write(0, data.span(), WriteMode::kDurable, [&, finished](Result<void>) {
      early += inside ? 1 : 0;
      inside = true;
      file->read(0, back.span(), [&, finished](Result<std::size_t>) {
        early += inside ? 1 : 0;
        inside = true;
        file->sync([&, finished](Result<void>) {
          early += inside ? 1 : 0;
          finished();
        });
        inside = false;
      });
      inside = false;
    });
    inside = false;
  });
  EXPECT_EQ(early, 0);
  EXPECT_TRUE(same(back.span(), data.span()));
}

TEST_P(FileSystemContract, MoreOperationsAtOnceThanAnyQueueHolds) {
  constexpr std::size_t kCount = 1500;
  const auto file = create("a");
  const AlignedBuffer data = filled(kCount * kBlockBytes, 9);
  std::size_t completed = 0;
  std::size_t succeeded = 0;
  environment_->run([&](auto finished) {
    for (std::size_t i = 0; i < kCount; ++i) {
      file->write(i * kBlockBytes, data.span().subspan(i * kBlockBytes, kBlockBytes), WriteMode::kPlain,
                  [&, finished](Result<void> r) {
                    succeeded += r.has_value() ? 1 : 0;
                    if (++completed == kCount) finished();
                  });
    }
  });
  EXPECT_EQ(succeeded, kCount);
  AlignedBuffer back(kCount * kBlockBytes);
  ASSERT_EQ(read(*file, 0, back.span()).value(), back.size());
  EXPECT_TRUE(same(back.span(), data.span()));
}

TEST_P(FileSystemContract, FileDestroyedWithOperationsInFlightCompletesThem) {
  auto file = create("a");
  const AlignedBuffer data = filled(64 * kBlockBytes, 5);
  std::size_t completed = 0;
  environment_->run([&](auto finished) {
    for (std::size_t i = 0; i < 64; ++i) {
      file->write(i * kBlockBytes, data.span().subspan(i * kBlockBytes, kBlockBytes), WriteMode::kDurable,
                  [&, finished](Result<void> r) {
                    EXPECT_TRUE(r) << r.error().to_string();
                    if (++completed == 64) finished();
                  });
    }
    file.reset();
  });
  const auto again = fs().open(path("a"), OpenMode::kRead, Caching::kDirect);
  ASSERT_TRUE(again);
  AlignedBuffer back(data.size());
  ASSERT_EQ(read(**again, 0, back.span()).value(), back.size());
  EXPECT_TRUE(same(back.span(), data.span()));
}

TEST_P(FileSystemContract, LargeTransferArrivesWhole) {
  const auto file = create("a");
  const AlignedBuffer data = filled(24 * 1024 * 1024, 2);
  ASSERT_TRUE(write(*file, 0, data.span(), WriteMode::kPlain));
  AlignedBuffer back(data.size());
  ASSERT_EQ(read(*file, 0, back.span()).value(), data.size());
  EXPECT_TRUE(same(back.span(), data.span()));
}

TEST_P(FileSystemContract, EmptyTransfersSucceed) {
  const auto file = create("a", Caching::kBuffered);
  EXPECT_TRUE(write(*file, 0, {}, WriteMode::kDurable));
  EXPECT_EQ(read(*file, 0, {}).value(), 0U);
  EXPECT_TRUE(file->write_now(0, {}));
  EXPECT_EQ(file->size().value(), 0U);
}

TEST_P(FileSystemContract, AllocateGrowsWithZerosAndNeverShrinks) {
  const auto file = create("a");
  const AlignedBuffer data = filled(kBlockBytes, 4);
  ASSERT_TRUE(file->write_now(0, data.span()));
  ASSERT_TRUE(file->allocate(10 * kBlockBytes));
  EXPECT_EQ(file->size().value(), 10 * kBlockBytes);
  ASSERT_TRUE(file->allocate(2 * kBlockBytes));
  EXPECT_EQ(file->size().value(), 10 * kBlockBytes);
  AlignedBuffer back(10 * kBlockBytes);
  ASSERT_EQ(read(*file, 0, back.span()).value(), back.size());
  EXPECT_TRUE(same(back.span().first(kBlockBytes), data.span()));
  EXPECT_TRUE(all_zero(back.span().subspan(kBlockBytes)));
}

TEST_P(FileSystemContract, TruncateCutsAndGrowsWithZeros) {
  const auto file = create("a");
  const AlignedBuffer data = filled(4 * kBlockBytes, 4);
  ASSERT_TRUE(file->write_now(0, data.span()));
  ASSERT_TRUE(file->truncate(kBlockBytes));
  EXPECT_EQ(file->size().value(), kBlockBytes);
  ASSERT_TRUE(file->truncate(4 * kBlockBytes));
  AlignedBuffer back(4 * kBlockBytes);
  ASSERT_EQ(file->read_now(0, back.span()).value(), back.size());
  EXPECT_TRUE(same(back.span().first(kBlockBytes), data.span().first(kBlockBytes)));
  EXPECT_TRUE(all_zero(back.span().subspan(kBlockBytes)));
}

TEST_P(FileSystemContract, ListIsSortedAndTellsDirectoriesAndSizes) {
  ASSERT_TRUE(create("b", Caching::kBuffered)->write_now(0, as_bytes("four")));
  create("a");
  ASSERT_TRUE(fs().create_directories(path("c/deep")));
  const auto entries = fs().list(root_);
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 3U);
  EXPECT_EQ((*entries)[0].name, "a");
  EXPECT_EQ((*entries)[1].name, "b");
  EXPECT_EQ((*entries)[1].size_bytes, 4U);
  EXPECT_FALSE((*entries)[1].is_directory);
  EXPECT_EQ((*entries)[2].name, "c");
  EXPECT_TRUE((*entries)[2].is_directory);
  EXPECT_EQ(fs().list(path("none")).error().code, ErrorCode::kNotFound);
}

TEST_P(FileSystemContract, CreateDirectoriesIsIdempotentAndRefusesAFileInTheWay) {
  EXPECT_TRUE(fs().create_directories(path("x/y/z")));
  EXPECT_TRUE(fs().create_directories(path("x/y/z")));
  EXPECT_TRUE(fs().exists(path("x/y/z")));
  create("file");
  EXPECT_EQ(fs().create_directories(path("file/y")).error().code, ErrorCode::kStorageFailed);
}

TEST_P(FileSystemContract, RenameReplacesTheTarget) {
  ASSERT_TRUE(create("old", Caching::kBuffered)->write_now(0, as_bytes("old")));
  ASSERT_TRUE(create("new", Caching::kBuffered)->write_now(0, as_bytes("new")));
  ASSERT_TRUE(fs().rename(path("new"), path("old")));
  EXPECT_FALSE(fs().exists(path("new")));
  EXPECT_EQ(read_file(fs(), path("old")).value(), "new");
  EXPECT_EQ(fs().rename(path("absent"), path("old")).error().code, ErrorCode::kNotFound);
}

TEST_P(FileSystemContract, RenameMovesADirectoryWithItsContent) {
  ASSERT_TRUE(fs().create_directories(path("from/sub")));
  create("from/sub/file");
  ASSERT_TRUE(fs().create_directories(path("to")));
  ASSERT_TRUE(fs().rename(path("from"), path("to/moved")));
  EXPECT_TRUE(fs().exists(path("to/moved/sub/file")));
  EXPECT_FALSE(fs().exists(path("from")));
}

TEST_P(FileSystemContract, AnOpenFileOutlivesItsName) {
  const auto file = create("a", Caching::kBuffered);
  ASSERT_TRUE(file->write_now(0, as_bytes("kept")));
  ASSERT_TRUE(fs().remove_file(path("a")));
  EXPECT_FALSE(fs().exists(path("a")));
  std::string back(4, '\0');
  EXPECT_EQ(file->read_now(0, std::as_writable_bytes(std::span(back))).value(), 4U);
  EXPECT_EQ(back, "kept");
  EXPECT_TRUE(write(*file, 4, as_bytes("more"), WriteMode::kDurable));
}

TEST_P(FileSystemContract, RemoveFileRefusesDirectoriesAndMissingNames) {
  ASSERT_TRUE(fs().create_directories(path("d")));
  EXPECT_EQ(fs().remove_file(path("d")).error().code, ErrorCode::kStorageFailed);
  EXPECT_EQ(fs().remove_file(path("absent")).error().code, ErrorCode::kNotFound);
}

TEST_P(FileSystemContract, RemoveAllTakesEverythingBelow) {
  ASSERT_TRUE(fs().create_directories(path("d/e/f")));
  create("d/e/file");
  create("d/other");
  ASSERT_TRUE(fs().remove_all(path("d")));
  EXPECT_FALSE(fs().exists(path("d")));
  EXPECT_EQ(fs().remove_all(path("d")).error().code, ErrorCode::kNotFound);
  create("single");
  EXPECT_TRUE(fs().remove_all(path("single")));
}

TEST_P(FileSystemContract, SyncDirectoryNeedsADirectory) {
  EXPECT_TRUE(fs().sync_directory(root_));
  EXPECT_EQ(fs().sync_directory(path("absent")).error().code, ErrorCode::kNotFound);
}

TEST_P(FileSystemContract, SpaceIsPlausible) {
  const auto space = fs().space(root_);
  ASSERT_TRUE(space);
  EXPECT_GT(space->total_bytes, 0U);
  EXPECT_LE(space->available_bytes, space->total_bytes);
}

TEST_P(FileSystemContract, LockIsExclusiveUntilReleased) {
  auto first = fs().lock(path("LOCK"));
  ASSERT_TRUE(first);
  const auto second = fs().lock(path("LOCK"));
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::kLocked);
  EXPECT_NE(second.error().context.find(path("LOCK")), std::string::npos);
  first = Error{};
  EXPECT_TRUE(fs().lock(path("LOCK")));
}

TEST_P(FileSystemContract, WholeFilesAreWrittenAndReplaced) {
  EXPECT_EQ(read_file(fs(), path("config")).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(write_file_atomically(fs(), path("config"), as_bytes("first, and longer")));
  ASSERT_TRUE(write_file_atomically(fs(), path("config"), as_bytes("second")));
  EXPECT_EQ(read_file(fs(), path("config")).value(), "second");
  ASSERT_TRUE(write_file_atomically(fs(), path("config"), {}));
  EXPECT_EQ(read_file(fs(), path("config")).value(), "");
  EXPECT_EQ(fs().list(root_)->size(), 1U);
}

const auto name_of_case = [](const auto& test) { return test.param.name; };
INSTANTIATE_TEST_SUITE_P(Simulated, FileSystemContract, ::testing::ValuesIn(simulated_cases()), name_of_case);
INSTANTIATE_TEST_SUITE_P(Real, FileSystemContract, ::testing::ValuesIn(real_cases()), name_of_case);

}  // namespace

}  // namespace forebay::io
