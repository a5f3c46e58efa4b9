module vsattest/interop/x509

go 1.21
