// The one compiled copy of Asio's TLS part; nothing else belongs here.
#include <boost/asio/ssl/impl/src.hpp>
