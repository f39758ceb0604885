-- What notary-server 0.7 asks of a database: the tables as its own migrations leave them, and an account for it.

-- Without the privileges read, no account can be made while the database is being set up.
FLUSH PRIVILEGES;

CREATE DATABASE notaryserver CHARACTER SET utf8;
USE notaryserver;

CREATE TABLE tuf_files (
    id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
    created_at timestamp NULL,
    updated_at timestamp NULL,
    deleted_at timestamp NULL,
    gun varchar(255) NOT NULL,
    role varchar(255) NOT NULL,
    version int NOT NULL,
    data longblob NOT NULL,
    sha256 char(64),
    UNIQUE KEY gun (gun, role, version),
    KEY sha256 (sha256)
) ENGINE = InnoDB;

CREATE TABLE change_category (
    category varchar(20) NOT NULL PRIMARY KEY
) ENGINE = InnoDB;

INSERT INTO change_category VALUES ('update'), ('deletion');

CREATE TABLE changefeed (
    id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
    created_at timestamp DEFAULT CURRENT_TIMESTAMP,
    gun varchar(255) NOT NULL,
    version int NOT NULL,
    sha256 char(64),
    category varchar(20) NOT NULL DEFAULT 'update',
    KEY idx_changefeed_gun (gun),
    FOREIGN KEY (category) REFERENCES change_category (category)
) ENGINE = InnoDB;

CREATE USER server@localhost;
GRANT SELECT, INSERT, UPDATE, DELETE ON notaryserver.* TO server@localhost;
