/// Which installation a command is for.
#[derive(Debug, clap::Args)]
pub struct Installation {
    /// An installation elsewhere, instead of the stack on this machine; needs a token
    #[arg(long, global = true, env = "VIGIE_API_URL", value_name = "URL")]
    pub api_url: Option<String>,
    /// An access or service token for it
    #[arg(
        long,
        global = true,
        env = "VIGIE_API_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN"
    )]
    pub api_token: Option<String>,
}
