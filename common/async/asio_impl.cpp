// The one compiled copy of Asio (BOOST_ASIO_SEPARATE_COMPILATION); nothing else belongs here.
#include <boost/asio/impl/src.hpp>
