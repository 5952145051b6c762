use super::Installation;
use clap::Subcommand;

/// Options of `users`.
#[derive(Debug, clap::Args)]
pub struct UsersArgs {
    /// What to do
    #[command(subcommand)]
    pub command: Users,
    /// Where.
    #[command(flatten)]
    pub at: Installation,
}

/// Commands on accounts. A user is named by e-mail or id.
#[derive(Debug, Subcommand)]
pub enum Users {
    /// List accounts
    List {
        /// Only those whose e-mail, CRM id or team contains this
        #[arg(long, short)]
        query: Option<String>,
    },
    /// Create an account; without `--password-stdin` it prints a link to set the password with
    Create {
        /// The login
        email: String,
        /// A role; may be repeated (viewer when left out)
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
        /// Read the password from the first line of the standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// Disable an account: its sessions end at once
    Disable {
        /// E-mail or id
        user: String,
    },
    /// Print a one-time token with which the user sets a new password
    ResetLink {
        /// E-mail or id
        user: String,
    },
    /// Replace the roles of an account
    Roles {
        /// E-mail or id
        user: String,
        /// All the roles it is to have
        #[arg(required = true)]
        roles: Vec<String>,
    },
}

/// Options of `keys`.
#[derive(Debug, clap::Args)]
pub struct KeysArgs {
    /// What to do
    #[command(subcommand)]
    pub command: Keys,
    /// Where.
    #[command(flatten)]
    pub at: Installation,
}

/// Commands on signing keys.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Make the next one: it is published now and signs minutes later; the old one verifies until
    /// its last token has ended
    Rotate,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Args, Command};
    use clap::Parser;

    #[test]
    fn a_user_gets_the_roles_that_are_named() {
        let line = [
            "vigie", "users", "create", "a@b.test", "--role", "viewer", "--role", "lead",
        ];
        let Command::Users(args) = Args::parse_from(line).command else {
            panic!("not users")
        };
        let Users::Create { email, roles, .. } = args.command else {
            panic!("not create")
        };
        assert_eq!(
            (&*email, roles),
            ("a@b.test", vec!["viewer".to_owned(), "lead".to_owned()])
        );
        assert!(Args::try_parse_from(["vigie", "users", "roles", "a@b.test"]).is_err());
    }
}
