#include "os/socket.h"

#include <sys/socket.h>

#include <gtest/gtest.h>

#include "os/memfd.h"
#include "os/path.h"
#include "temp_dir.h"

namespace skerry::os {
namespace {

using test::TempDir;

std::size_t open_descriptors() {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}));
}

TEST(Socket, CarriesTheLargestMessageAndMostDescriptors) {
  auto pair = make_socket_pair();
  ASSERT_TRUE(pair);
  const TempDir temp;
  const std::string bytes(kMaxMessageBytes, 'm');
  const std::vector<int> fds(kMaxMessageFds, temp.fd());
  ASSERT_TRUE(send_message(pair->first.get(), bytes, fds));
  const auto message = receive_message(pair->second.get());
  ASSERT_TRUE(message) << message.error().message();
  EXPECT_EQ(message->bytes, bytes);
  ASSERT_EQ(message->fds.size(), kMaxMessageFds);
  EXPECT_EQ(::fcntl(message->fds.back().get(), F_GETFD), FD_CLOEXEC);
}

TEST(Socket, RefusesToSendTooMuch) {
  auto pair = make_socket_pair();
  ASSERT_TRUE(pair);
  EXPECT_FALSE(send_message(pair->first.get(), ""));
  EXPECT_FALSE(send_message(pair->first.get(), std::string(kMaxMessageBytes + 1, 'm')));
  const std::vector<int> fds(kMaxMessageFds + 1, 0);
  EXPECT_EQ(send_message(pair->first.get(), "m", fds).error().code(), Code::kInvalidArgument);
}

TEST(Socket, ClosesWhatCameWithATooLongMessage) {
  auto pair = make_socket_pair();
  ASSERT_TRUE(pair);
  const TempDir temp;
  const auto before = open_descriptors();
  const std::vector<int> fds(3, temp.fd());
  ASSERT_TRUE(send_message(pair->first.get(), "too long", fds));
  EXPECT_EQ(receive_message(pair->second.get(), 4).error().code(), Code::kDataLoss);
  EXPECT_EQ(open_descriptors(), before);
  ASSERT_TRUE(send_message(pair->first.get(), "next"));
  EXPECT_EQ(receive_message(pair->second.get())->bytes, "next");
}

TEST(Socket, ClosesTooManyDescriptors) {
  auto pair = make_socket_pair();
  ASSERT_TRUE(pair);
  const TempDir temp;
  const auto before = open_descriptors();
  const std::vector<int> fds(2, temp.fd());
  ASSERT_TRUE(send_message(pair->first.get(), "m", fds));
  EXPECT_EQ(receive_message(pair->second.get(), 100, 1).error().code(), Code::kDataLoss);
  EXPECT_EQ(open_descriptors(), before);
}

TEST(Socket, SaysWhenThePeerIsGone) {
  auto pair = make_socket_pair();
  ASSERT_TRUE(pair);
  pair->first.reset();
  const auto message = receive_message(pair->second.get());
  ASSERT_FALSE(message);
  EXPECT_EQ(message.error().code(), Code::kUnavailable);
  EXPECT_EQ(message.error().sys_errno(), 0);
  EXPECT_EQ(send_message(pair->second.get(), "m").error().code(), Code::kUnavailable);
}

TEST(Socket, ConnectsThroughADirectoryWithALongPath) {
  const TempDir temp;
  const std::string deep = std::string(100, 'a') + "/" + std::string(100, 'b');
  temp.dir(deep);
  const auto dir = open_dir(temp.at(deep));
  ASSERT_TRUE(dir);
  const auto listener = listen_at(dir->get(), "sock", 0600);
  ASSERT_TRUE(listener) << listener.error().message();
  struct stat info {};
  ASSERT_EQ(::fstatat(dir->get(), "sock", &info, 0), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0600U);

  EXPECT_EQ(accept_connection(listener->get()).error().code(), Code::kUnavailable);
  const auto client = connect_at(dir->get(), "sock");
  ASSERT_TRUE(client) << client.error().message();
  const auto server = accept_connection(listener->get());
  ASSERT_TRUE(server);
  ASSERT_TRUE(send_message(client->get(), "hello"));
  EXPECT_EQ(receive_message(server->get())->bytes, "hello");
  EXPECT_EQ(peer_credentials(server->get())->pid, ::getpid());
}

TEST(Socket, TellsAbsentFromDead) {
  const TempDir temp;
  EXPECT_EQ(connect_at(temp.fd(), "sock").error().code(), Code::kNotFound);
  ASSERT_TRUE(listen_at(temp.fd(), "sock", 0600));  // Closed again at once: the file stays.
  EXPECT_EQ(connect_at(temp.fd(), "sock").error().code(), Code::kUnavailable);
  EXPECT_TRUE(listen_at(temp.fd(), "sock", 0600)) << "a left-over socket is replaced";
}

TEST(Socket, DoesNotWaitForAFullBacklog) {
  const TempDir temp;
  const auto listener = listen_at(temp.fd(), "sock", 0600, 0);
  ASSERT_TRUE(listener);
  std::vector<UniqueFd> clients;
  Result<UniqueFd> last = connect_at(temp.fd(), "sock");
  while (last && clients.size() < 10) {
    clients.push_back(std::move(*last));
    last = connect_at(temp.fd(), "sock");
  }
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().code(), Code::kUnavailable);
}

TEST(Socket, RefusesNamesThatAreNone) {
  const TempDir temp;
  for (const auto& name : {std::string(), std::string("a/b"), std::string(108, 'n')})
    EXPECT_EQ(listen_at(temp.fd(), name, 0600).error().code(), Code::kInvalidArgument) << name;
}

TEST(SealedMemfd, GivesBackItsBytes) {
  const auto fd = make_sealed_memfd("test", "some bytes");
  ASSERT_TRUE(fd);
  const auto mapping = map_sealed_memfd(fd->get(), 100);
  ASSERT_TRUE(mapping) << mapping.error().message();
  EXPECT_EQ(mapping->bytes(), "some bytes");
}

TEST(SealedMemfd, CannotBeChanged) {
  const auto fd = make_sealed_memfd("test", "some bytes");
  ASSERT_TRUE(fd);
  EXPECT_LT(::pwrite(fd->get(), "x", 1, 0), 0);
  EXPECT_LT(::ftruncate(fd->get(), 0), 0);
  EXPECT_LT(::ftruncate(fd->get(), 100), 0);
}

TEST(SealedMemfd, RefusesOtherFilesAndTooMuch) {
  const TempDir temp;
  temp.file("plain");
  const UniqueFd plain(::openat(temp.fd(), "plain", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(map_sealed_memfd(plain.get(), 100).error().code(), Code::kInvalidArgument);
  const auto fd = make_sealed_memfd("test", "some bytes");
  ASSERT_TRUE(fd);
  EXPECT_EQ(map_sealed_memfd(fd->get(), 9).error().code(), Code::kResourceExhausted);
}

TEST(SealedMemfd, MapsNothing) {
  const auto fd = make_sealed_memfd("test", "");
  ASSERT_TRUE(fd);
  EXPECT_TRUE(map_sealed_memfd(fd->get(), 10)->bytes().empty());
}

}  // namespace
}  // namespace skerry::os
