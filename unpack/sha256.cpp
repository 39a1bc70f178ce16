#include "unpack/sha256.h"

#include <openssl/evp.h>

#include "base/check.h"

namespace skerry::unpack {

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  CHECK(context_ != nullptr);
  CHECK(EVP_DigestInit_ex(context_, EVP_sha256(), nullptr) == 1);
}

Sha256::~Sha256() { EVP_MD_CTX_free(context_); }

void Sha256::update(std::span<const std::byte> bytes) {
  CHECK(EVP_DigestUpdate(context_, bytes.data(), bytes.size()) == 1);
}

void Sha256::update(std::string_view text) { update(std::as_bytes(std::span(text))); }

void Sha256::update_number(std::uint64_t value) {
  std::array<std::byte, 8> bytes{};
  for (auto& byte : bytes) {
    byte = static_cast<std::byte>(value & 0xffU);
    value >>= 8U;
  }
  update(bytes);
}

void Sha256::update_field(std::string_view text) {
  update_number(text.size());
  update(text);
}

Digest Sha256::finish() {
  Digest out{};
  unsigned length = 0;
  CHECK(EVP_DigestFinal_ex(context_, out.data(), &length) == 1 && length == out.size());
  return out;
}

}  // namespace skerry::unpack
