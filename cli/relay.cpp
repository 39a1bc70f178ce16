#include "cli/relay.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "base/check.h"
#include "skerry/v1/container_service.grpc.pb.h"

namespace skerry::cli {
namespace {

/// Those that end or steer a program. Not those about our own terminal and children.
sigset_t relayed_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM}) {
    ::sigaddset(&set, signal);
  }
  return set;
}

UniqueFd make_stop_event() {
  UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  CHECK(event);
  return event;
}

void raise_stop(const UniqueFd& event) {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(event.get(), &one, sizeof one);
}

/// Waits for `fd` to be readable; false when told to stop first.
bool wait_readable(int fd, const UniqueFd& stop) {
  std::array<pollfd, 2> polled = {pollfd{stop.get(), POLLIN, 0}, pollfd{fd, POLLIN, 0}};
  while (::poll(polled.data(), polled.size(), -1) < 0 && errno == EINTR) {
  }
  return polled[0].revents == 0 && polled[1].revents != 0;
}

}  // namespace

void block_relayed_signals() {
  const sigset_t set = relayed_signals();
  CHECK(::pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
}

SignalRelay::SignalRelay(std::function<void(int)> deliver)
    : deliver_(std::move(deliver)), stop_(make_stop_event()) {
  const sigset_t set = relayed_signals();
  sigset_t blocked;
  CHECK(::pthread_sigmask(SIG_BLOCK, nullptr, &blocked) == 0);
  CHECK(::sigismember(&blocked, SIGTERM) == 1);
  signals_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  CHECK(signals_);
  thread_ = std::thread([this] { loop(); });
}

SignalRelay::~SignalRelay() {
  raise_stop(stop_);
  thread_.join();
}

void SignalRelay::loop() {
  while (wait_readable(signals_.get(), stop_)) {
    signalfd_siginfo info{};
    if (::read(signals_.get(), &info, sizeof info) == sizeof info) {
      deliver_(static_cast<int>(info.ssi_signo));
    }
  }
}

StdinRelay::StdinRelay(const Client& client, v1::ContainerRef container)
    : client_(client), container_(std::move(container)), stop_(make_stop_event()) {
  thread_ = std::thread([this] { loop(); });
}

StdinRelay::~StdinRelay() {
  raise_stop(stop_);
  context_.TryCancel();
  thread_.join();
}

void StdinRelay::loop() {
  constexpr std::size_t kChunk = 65536;
  v1::ContainerService::Stub stub(client_.channel());
  v1::WriteStdinResponse response;
  const auto writer = stub.WriteStdin(&context_, &response);
  v1::WriteStdinRequest request;
  *request.mutable_header()->mutable_container() = container_;
  request.mutable_header()->set_close_at_end(true);
  bool open = writer->Write(request);
  std::array<char, kChunk> buffer{};
  while (open && wait_readable(STDIN_FILENO, stop_)) {
    const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    request.set_data(buffer.data(), static_cast<std::size_t>(count));
    open = writer->Write(request);
  }
  writer->WritesDone();
  // A container that ends without reading its input to the end is no failure of ours.
  [[maybe_unused]] const grpc::Status status = writer->Finish();
}

}  // namespace skerry::cli
