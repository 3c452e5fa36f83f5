"""A gRPC server that returns each request. Arguments: port, and the paths of the certificate and its key in PEM."""

import sys
from concurrent import futures
from pathlib import Path

import grpc

port, cert, key = sys.argv[1:]


class Echo(grpc.GenericRpcHandler):
    def service(self, _):
        return grpc.unary_unary_rpc_method_handler(lambda request, _: request)


identity = (Path(key).read_bytes(), Path(cert).read_bytes())
server = grpc.server(futures.ThreadPoolExecutor(max_workers=2), handlers=[Echo()])
server.add_secure_port(f"127.0.0.1:{port}", grpc.ssl_server_credentials([identity]))
server.start()
server.wait_for_termination()
