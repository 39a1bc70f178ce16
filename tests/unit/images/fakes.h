// A catalogue in memory and an unpacker that runs no program.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "base/check.h"
#include "images/image_catalog.h"
#include "images/unpacker.h"

namespace skerry::images::test {

class FakeCatalog final : public ImageCatalog {
 public:
  Result<std::vector<Image>> load() override {
    std::vector<Image> out;
    out.reserve(records.size());
    for (const auto& [id, image] : records) out.push_back(image);
    return out;
  }
  Result<> save(std::span<const Image> images) override {
    if (fails) return Error(Code::kUnavailable, "the database is gone");
    for (const Image& image : images) records[image.content_id] = image;
    return {};
  }
  Result<> remove(const ContentId& id) override {
    if (fails) return Error(Code::kUnavailable, "the database is gone");
    records.erase(id);
    return {};
  }

  std::map<ContentId, Image> records;
  bool fails = false;
};

inline ContentId id_of(char digit) { return *ContentId::parse(std::string(64, digit)); }

/// Writes one file "content" and answers the digest it was told, or fails half-way.
class FakeUnpacker final : public Unpacker {
 public:
  Result<UnpackReport> unpack(const UnpackJob& job) override {
    last_job = job;
    const UniqueFd file(::openat(job.destination, "content", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
    CHECK(static_cast<bool>(file));
    CHECK(::write(file.get(), "x", 1) == 1);
    if (error) return *error;
    return UnpackReport{content_id, Bytes(1), 1};
  }

  ContentId content_id = id_of('a');
  std::optional<Error> error;
  UnpackJob last_job;
};

class FakeClock final : public Clock {
 public:
  SteadyTime steady() const override { return {}; }
  WallTime wall() const override { return now; }
  WallTime now{std::chrono::seconds(1'000'000)};
};

}  // namespace skerry::images::test
