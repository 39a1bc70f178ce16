// The result cache and host-local's leases.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <set>

#include <gtest/gtest.h>

#include "cni/base64.h"
#include "cni/directory.h"
#include "cni/leases.h"
#include "cni/result_cache.h"
#include "tests/unit/cni/temp_dir.h"

namespace skerry::cni {
namespace {

CachedAttachment sample() {
  return {.network = "net",
          .container = "0123456789abcdef",
          .interface = "eth0",
          .netns = "/proc/1/fd/3",
          .config = R"({"name":"net","plugins":[{"type":"a"}]})",
          .args = {{"IgnoreUnknown", "1"}, {"KEY", "value"}},
          .capability_args = R"({"portMappings":[{"hostPort":80}]})",
          .result = R"({"cniVersion":"1.0.0"})"};
}

TEST(Base64, IsThatOfTheStandard) {
  const std::pair<const char*, const char*> pairs[] = {
      {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}};
  for (const auto& [bytes, text] : pairs) {
    EXPECT_EQ(base64_encode(bytes), text);
    EXPECT_EQ(base64_decode(text), bytes);
  }
  for (const char* text : {"Zg=", "Z===", "====", "Zm9v\n", "Z*9v", "=m9v"})
    EXPECT_FALSE(base64_decode(text)) << text;
}

TEST(ResultCache, KeepsAnAttachment) {
  const test::TempDir dir;
  const ResultCache cache(dir.fd());
  ASSERT_TRUE(cache.save(sample()));
  struct stat status {};
  ASSERT_EQ(::stat((dir.path() + "/net-0123456789abcdef-eth0").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  const auto loaded = cache.load("net", "0123456789abcdef", "eth0");
  ASSERT_TRUE(loaded) << loaded.error().message();
  EXPECT_EQ(loaded->config, sample().config);
  EXPECT_EQ(loaded->args, sample().args);
  EXPECT_EQ(loaded->capability_args, sample().capability_args);
  EXPECT_EQ(loaded->result, sample().result);
  EXPECT_EQ(loaded->netns, sample().netns);
  ASSERT_TRUE(cache.remove("net", "0123456789abcdef", "eth0"));
  ASSERT_TRUE(cache.remove("net", "0123456789abcdef", "eth0"));
  const auto gone = cache.load("net", "0123456789abcdef", "eth0");
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code(), Code::kNotFound);
}

TEST(ResultCache, KeepsAnIntentWithoutResult) {
  CachedAttachment intent = sample();
  intent.result.clear();
  const auto read = parse_cache_entry(write_cache_entry(intent));
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->result.empty());
}

TEST(ResultCache, ReadsWhatLibcniWrites) {
  const auto read = parse_cache_entry(
      R"({"kind":"cniCacheV1","containerId":"c1","config":"e30=","ifName":"eth0",)"
      R"("networkName":"n","netns":"/var/run/netns/x","cniArgs":[["A","b"]],)"
      R"("capabilityArgs":{"portMappings":[]},"result":{"cniVersion":"0.4.0"}})");
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->config, "{}");
  EXPECT_EQ(read->container, "c1");
}

TEST(ResultCache, TellsWhatItCannotRead) {
  const test::TempDir dir;
  const ResultCache cache(dir.fd());
  ASSERT_TRUE(cache.save(sample()));
  dir.write("net-torn-eth0", R"({"kind":"cniCacheV1",)");
  dir.write("net-other-eth0", write_cache_entry(sample()));
  const auto listing = cache.list();
  ASSERT_TRUE(listing);
  EXPECT_EQ(listing->attachments.size(), 1U);
  ASSERT_EQ(listing->unreadable.size(), 2U);
  EXPECT_EQ(listing->unreadable[0].error.reason(), "CNI_CACHE_INVALID");
  EXPECT_FALSE(cache.load("net", "torn", "eth0"));
  EXPECT_FALSE(cache.load("net", "../net", "eth0"));
  for (const char* bytes :
       {R"({"kind":"x"})",
        R"({"kind":"cniCacheV1","networkName":"a/b"})",
        R"({"kind":"cniCacheV1","containerId":"c","ifName":"e","networkName":"n","config":"*"})"})
    EXPECT_FALSE(parse_cache_entry(bytes)) << bytes;
}

LeasePool pool_with(const std::string& ipam) {
  const auto list = parse_network_list(
      R"({"name":"n","cniVersion":"1.0.0","plugins":[{"type":"bridge","ipam":)" + ipam + "}]}");
  EXPECT_TRUE(list) << list.error().message();
  const auto pool = lease_pool(*list);
  EXPECT_TRUE(pool);
  return pool.value_or(LeasePool{});
}

TEST(LeasePool, CountsAsHostLocalDoes) {
  EXPECT_EQ(pool_with(R"({"type":"host-local","ranges":[[{"subnet":"10.0.0.0/29"}]]})").capacity,
            5U);
  EXPECT_EQ(pool_with(R"({"type":"host-local","subnet":"10.88.0.0/20"})").capacity, 4093U);
  EXPECT_EQ(pool_with(R"({"type":"host-local","ranges":[[{"subnet":"10.0.0.0/24",)"
                      R"("rangeStart":"10.0.0.10","rangeEnd":"10.0.0.19"}]]})")
                .capacity,
            10U);
  EXPECT_EQ(pool_with(R"({"type":"host-local","ranges":[[{"subnet":"nonsense"}],7]})").capacity,
            0U);
  EXPECT_EQ(pool_with(R"({"type":"host-local","dataDir":"/d"})").directory, "/d/n");
  EXPECT_EQ(pool_with(R"({"type":"host-local"})").directory, "/var/lib/cni/networks/n");
}

TEST(LeasePool, IsAbsentWithOtherPlugins) {
  const auto list = parse_network_list(
      R"({"name":"n","plugins":[{"type":"calico","ipam":{"type":"calico-ipam"}}]})");
  ASSERT_TRUE(list);
  EXPECT_FALSE(lease_pool(*list));
}

TEST(Leases, AreTheFilesNamedByAnAddress) {
  const test::TempDir dir;
  LeasePool pool{.directory = dir.path() + "/none", .capacity = 5};
  EXPECT_TRUE(list_leases(pool)->empty());
  pool.directory = dir.path();
  dir.write("10.0.0.2", "c1\r\neth0");
  dir.write("10.0.0.3", "c2");
  dir.write("fd00::4", "");
  dir.write("lock", "");
  dir.write("last_reserved_ip.0", "10.0.0.3");
  const auto leases = list_leases(pool);
  ASSERT_TRUE(leases);
  ASSERT_EQ(leases->size(), 3U);
  EXPECT_EQ((*leases)[0].container, "c1");
  EXPECT_EQ((*leases)[0].interface, "eth0");
  EXPECT_EQ((*leases)[1].container, "c2");
  EXPECT_TRUE((*leases)[2].container.empty());
}

/// As a power cut leaves them, beside what others have.
void write_leases(const test::TempDir& dir) {
  dir.write("10.0.0.2", "c1\r\neth0");
  dir.write("10.0.0.3", "");
  dir.write("10.0.0.4", std::string(2000, 'x'));
  dir.write("last_reserved_ip.0", "");
}

std::set<std::string> names_in(const test::TempDir& dir) {
  const auto names = list_names(dir.fd(), 100);
  EXPECT_TRUE(names);
  return {names->begin(), names->end()};
}

TEST(Leases, ThatNameNobodyAreRemoved) {
  const test::TempDir dir;
  EXPECT_TRUE(remove_nameless_leases({.directory = dir.path() + "/none"})->empty());
  write_leases(dir);
  const auto removed = remove_nameless_leases({.directory = dir.path()});
  ASSERT_TRUE(removed) << removed.error().message();
  EXPECT_EQ(*removed, std::vector{*IpAddress::parse("10.0.0.3")});
  EXPECT_EQ(names_in(dir),
            (std::set<std::string>{"10.0.0.2", "10.0.0.4", "last_reserved_ip.0", "lock"}));
}

TEST(Leases, ThatAPluginIsWritingStay) {
  const test::TempDir dir;
  write_leases(dir);
  const UniqueFd lock(::open((dir.path() + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(::flock(lock.get(), LOCK_EX), 0);
  const auto removed = remove_nameless_leases({.directory = dir.path()});
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code(), Code::kAborted);
  EXPECT_TRUE(names_in(dir).contains("10.0.0.3"));
}

}  // namespace
}  // namespace skerry::cni
