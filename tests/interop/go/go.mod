module vsattest/interop

go 1.26
